"""The tools, one file each."""

from amber_mcp.protocol.tool import Tool

from .ask_amber import ask_amber
from .chat_completion import chat_completion
from .list_files import list_files
from .list_models import list_models
from .run_agent import run_agent
from .send_feedback import send_feedback
from .upload_file import upload_file
from .web_search import web_search

__all__ = ["Tool", "tools_named"]


def tools_named(names: tuple[str, ...]) -> dict[str, Tool]:
    """The tools of these names, in this order."""
    every = {
        tool.name: tool
        for tool in (
            ask_amber,
            web_search,
            list_models,
            upload_file,
            run_agent,
            list_files,
            chat_completion,
            send_feedback,
        )
    }
    return {name: every[name] for name in names}
