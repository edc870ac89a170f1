"""The tools, one file each."""

from .ask_amber import ask_amber
from .list_models import list_models
from .run_agent import run_agent
from .tool import Tool
from .upload_file import upload_file
from .web_search import web_search

__all__ = ["Tool", "tools_named"]


def tools_named(names: tuple[str, ...]) -> dict[str, Tool]:
    """The tools of these names, in this order."""
    every = {t.name: t for t in (ask_amber, web_search, list_models, upload_file, run_agent)}
    return {name: every[name] for name in names}
