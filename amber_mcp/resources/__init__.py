"""The resources that hosts can read."""

from .conversations import conversation
from .fixed import agents, files, models
from .resource import Resource, Template
from .runs import run

__all__ = ["RESOURCES", "TEMPLATES", "Resource", "Template"]

RESOURCES = (models, agents, files)
TEMPLATES = (conversation, run)
