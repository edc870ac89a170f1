"""Ask amber from Python, through the MCP server: `python examples/python_client.py "…"`.

It starts the server on stdio with this shell's AMBER_* variables, or on the sandbox without them.
"""

import os
import sys

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import TextContent


async def show_progress(progress: float, total: float | None, message: str | None) -> None:
    """Print what the server is doing."""
    print(f"  … {message}", file=sys.stderr)


async def ask(question: str) -> None:
    """Print the answer to `question`."""
    settings = {name: value for name, value in os.environ.items() if name.startswith("AMBER_")}
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "amber_mcp"],
        env={"AMBER_BASE_URL": "sandbox", **settings},
    )
    async with Client(stdio_client(server)) as client:
        result = await client.call_tool(
            "ask_amber", {"question": question}, progress_callback=show_progress
        )
    for content in result.content:
        if isinstance(content, TextContent):
            print(content.text)


if __name__ == "__main__":
    anyio.run(ask, " ".join(sys.argv[1:]) or "How many vacation days do I get?")
