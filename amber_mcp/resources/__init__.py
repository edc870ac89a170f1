"""The resources, one file each."""

from .agents import agents
from .conversations import conversation
from .files import files
from .models import models
from .resource import Resource, Template
from .runs import run

__all__ = ["RESOURCES", "TEMPLATES", "Resource", "Template"]

RESOURCES = (models, agents, files)
TEMPLATES = (conversation, run)
