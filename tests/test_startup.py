"""Start-up: the way to stdio pays for nothing that stdio does not use."""

import json
import subprocess
import sys

SCRIPT = """
import json, sys
import mcp.server.lowlevel, mcp.server.runner
before = set(sys.modules)
import amber_mcp.__main__, amber_mcp.server, amber_mcp.transports.stdio, amber_mcp.transports.pipes
from amber_mcp.server import build_server
from amber_mcp.config.settings import Settings
build_server(Settings(), local_files=True)
print(json.dumps([sorted(before), sorted(set(sys.modules) - before)]))
"""
UNUSED = {
    "argparse", "click", "jsonschema", "prometheus_client", "pypdf", "redis", "rich",
    "snowballstemmer", "sqlite3", "_sqlite3", "uvicorn", "uvloop", "html.parser",
}  # fmt: skip


def test_the_way_to_stdio_imports_no_command_line_database_or_sandbox() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True)
    of_mcp, of_ours = map(set, json.loads(done.stdout))
    assert not {name for name in of_ours if name in UNUSED or name.split(".")[0] in UNUSED}
    assert not {name for name in of_ours if name.startswith(("amber_mcp.sandbox", "amber_mcp.cli"))}
    assert "rich" not in of_mcp
    assert {name.split(".")[0] for name in of_ours} <= {
        *("amber_mcp", "concurrent", "difflib", "gc", "mimetypes")
    }
