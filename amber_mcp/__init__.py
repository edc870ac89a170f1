"""An MCP server that gives AI assistants a company's amber: search, answers, files and agents."""

__all__ = ["__version__"]

__version__ = "0.1.0"
