"""The backends are opened by their names, and Redis needs its extra."""

import json
import os
import sys
from pathlib import Path

import anyio
import pytest

from amber_mcp.errors import NotConfigured
from tests.storage.servers import opened


@pytest.mark.parametrize("package", ["redis", "cryptography"])
async def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    for name in list(sys.modules):
        is_ours = name.startswith(("amber_mcp.storage.redis", "amber_mcp.storage.encryption"))
        if is_ours or name.split(".")[0] == package:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(NotConfigured) as error:
        async with opened("redis://127.0.0.1:1"):
            pass
    assert 'pip install "amber-mcp[redis]"' in error.value.message
    assert package in error.value.message


async def test_the_other_backends_import_nothing_of_redis(tmp_path: Path) -> None:
    script = (
        "import anyio, json, sys\n"
        "from amber_mcp.config.settings import Settings\n"
        "from amber_mcp.storage.backends import open_store\n"
        "async def main():\n"
        "    async with open_store(Settings.from_environment()): pass\n"
        "anyio.run(main)\n"
        "print(json.dumps([n for n in ('redis', 'cryptography', 'sqlite3') if n in sys.modules]))"
    )
    # Coverage keeps its data with sqlite3.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = await anyio.run_process([sys.executable, "-c", script], env=env)
    assert json.loads(done.stdout) == []
