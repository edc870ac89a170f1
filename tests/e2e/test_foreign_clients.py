"""Clients that others wrote, against the running program: what they list, call and show.

They come from npm, into a folder that the variable AMBER_MCP_NODE_CLIENTS names (default: the
folder `clients` beside this file).
"""

import hashlib
import json
import os
import shutil
import sysconfig
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import anyio
import pytest
from anyio.streams.text import TextReceiveStream

from tests.e2e.programs import open_program
from tests.planted import Watch

SCRIPTS = Path(__file__).with_name("clients")
INSTALLED = Path(os.environ.get("AMBER_MCP_NODE_CLIENTS") or SCRIPTS).resolve() / "node_modules"
NODE = INSTALLED / "node" / "bin" / "node"
INSPECTOR = INSTALLED / ".bin" / "mcp-inspector"
AMBER_MCP = shutil.which("amber-mcp", path=sysconfig.get_path("scripts")) or "amber-mcp"

pytestmark = pytest.mark.skipif(
    "AMBER_MCP_NODE_CLIENTS" not in os.environ and not NODE.exists(),
    reason="no foreign clients: copy tests/e2e/clients/package.json into a folder, run `npm "
    "install --no-audit --no-fund --no-package-lock` there, and name it in AMBER_MCP_NODE_CLIENTS",
)

TOOLS = ["ask_amber", "web_search", "list_models", "upload_file", "run_agent"]
QUESTION = "How many vacation days do I get?"
CALLS: Mapping[str, tuple[dict[str, str], str]] = {
    "ask_amber": ({"question": QUESTION}, "hr/annual-leave.md"),
    "web_search": ({"query": "What is an MCP server?"}, "what-is-an-mcp-server"),
    "list_models": ({}, "sandbox-brief"),
    "upload_file": (
        {"content_base64": "R3JlZW4uCg==", "filename": "colours.txt"},
        hashlib.sha256(b"Green.\n").hexdigest(),
    ),
    "run_agent": ({"agent": "hr", "task": QUESTION}, "hr/annual-leave.md"),
}
OTHER_METHODS = {
    "resources/list": ([], "amber://models"),
    "resources/templates/list": ([], "amber://conversations/{id}"),
    "resources/read": (["--uri", "amber://models"], "sandbox-brief"),
    "prompts/list": ([], "summarise_file"),
    "prompts/get": (["--prompt-name", "research", "--prompt-args", "question=Why?"], "Why?"),
}
SDKS = {
    "sdk-1": (["v1.mjs"], "2025-11-25"),
    "client-2": (["v2.mjs", "auto"], "2026-07-28"),
    "client-2-legacy": (["v2.mjs", "legacy"], "2025-11-25"),
}
INVALID_PARAMS = -32602
LIMIT_SECONDS = 60


Record = dict[str, Any]


def environment() -> dict[str, str]:
    """This process's own, with nothing of amber but the sandbox, and the installed node first."""
    others = ("AMBER_", "COVERAGE_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    path = os.pathsep.join([str(NODE.parent), os.environ.get("PATH", os.defpath)])
    return {**inherited, "AMBER_BASE_URL": "sandbox", "PATH": path}


async def run(*command: str | Path, cwd: Path) -> CompletedProcess[bytes]:
    with anyio.fail_after(LIMIT_SECONDS):
        done = await anyio.run_process(
            [str(part) for part in command], check=False, cwd=cwd, env=environment()
        )
    Watch("stdout")(done.stdout)
    Watch("stderr")(done.stderr)
    return done


@pytest.fixture(scope="session")
async def url() -> AsyncIterator[str]:
    """The address of the program, serving HTTP; at the end it leaves with status 0 when told to."""
    command = [AMBER_MCP, "serve", "--http", "--port", "0"]
    async with open_program(command, stdout=None, env=environment()) as program:
        assert program.stderr is not None
        told = ""
        with anyio.fail_after(LIMIT_SECONDS):
            async for piece in TextReceiveStream(program.stderr):
                told += piece
                if told.endswith("\n"):
                    break
        before, serving, address = told.strip().rpartition("Serving MCP on ")
        assert (before, serving) == ("", "Serving MCP on "), told
        yield address
        program.terminate()
        with anyio.fail_after(LIMIT_SECONDS):
            assert await program.wait() == 0


@pytest.fixture(scope="session", params=["stdio", "http"])
def server(request: pytest.FixtureRequest, url: str) -> str:
    """What a client is told to connect to: the command for stdio, or the address."""
    return AMBER_MCP if request.param == "stdio" else url


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts beside the packages that they import."""
    folder = tmp_path_factory.mktemp("clients")
    for script in SCRIPTS.glob("*.mjs"):
        shutil.copy(script, folder)
    (folder / "node_modules").symlink_to(INSTALLED, target_is_directory=True)
    return folder


@pytest.mark.parametrize("sdk", SDKS)
async def test_an_sdk_gets_all_there_is(sdk: str, server: str, folder: Path) -> None:
    """One connection shows it all.

    The SDKs check the structured content against the listed schema and fail where it differs.
    """
    script, protocol = SDKS[sdk]
    ended = await run(NODE, *script, server, cwd=folder)
    assert ended.returncode == 0, ended.stderr.decode()
    assert ended.stderr == b""
    record: Record = json.loads(ended.stdout)
    assert record["protocol"] == protocol  # The newest that both know.
    assert record["server"]["name"] == "amber-mcp"
    assert "anything internal" in record["instructions"]
    # Nothing but messages came: SDK 1 reports any other line, client 2 any other JSON.
    assert record["faults"] == []
    assert record["tools"] == TOOLS
    assert record["progress"][:1] == ["Searching company sources"]
    assert record["unknownTool"]["code"] == INVALID_PARAMS
    assert "'no_such_tool'" in record["unknownTool"]["message"]
    check_results(record["results"])
    check_unknown_argument(record["unknownArgument"])
    if server == AMBER_MCP:  # There are no lines over HTTP.
        check_noise(record["noise"])


def check_results(results: Mapping[str, Record]) -> None:
    """A call succeeds, and what it was for is in each of the two forms of its result."""
    for tool, (_, told) in CALLS.items():
        assert not results[tool]["isError"]
        assert told in results[tool]["text"]
        assert told in json.dumps(results[tool]["structuredContent"])
    for tool in ("ask_amber", "run_agent"):  # The page is a source of its own.
        _, _, below = results[tool]["text"].rpartition("\n\nSources:\n")
        title = "Vacation and annual leave (hr/annual-leave.md)"
        assert below.startswith(f"1. {title} <http://127.0.0.1:")
        source = results[tool]["structuredContent"]["sources"][0]
        assert source["title"] == title
        assert source["url"].endswith("/hr/annual-leave.md")
    file_id = results["upload_file"]["structuredContent"]["file_id"]
    assert file_id
    assert f"file_id: {file_id}\n" in results["upload_file"]["text"]


def check_unknown_argument(result: Record) -> None:
    """It is told as a result, so that the model reads it, and without structured content."""
    assert result["isError"]
    assert "`qestion` is unknown (did you mean `question`?)" in result["text"]
    assert result["structuredContent"] is None


def check_noise(noise: Record) -> None:
    """After an error without id, which an SDK cannot place, the call behind it is answered."""
    assert "sandbox-brief" in noise["result"]["text"]
    unreadable, *unfit = noise["faults"]
    assert len(unfit) == 2
    assert '"code":-32700' in unreadable
    for fault in noise["faults"]:
        assert "Received a response for an unknown message ID" in fault
    for fault in unfit:
        assert '"code":-32600' in fault


async def inspect(server: str, era: str, folder: Path, *options: str) -> CompletedProcess[bytes]:
    """Run Inspector's command line, away from what a developer has set up for it."""
    own = ["--client-config", str(folder / "inspector.json"), "-e", "AMBER_BASE_URL=sandbox"]
    fixed = ["--protocol-era", era, "--format", "json", *own]
    return await run(INSPECTOR, "--cli", server, *fixed, *options, cwd=folder)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_inspector_finds_no_fault_in_the_schemas(server: str, era: str, folder: Path) -> None:
    """`--strict` would end with status 6, and tell on stderr what some hosts would not take."""
    ended = await inspect(server, era, folder, "--method", "tools/list", "--strict")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert [tool["name"] for tool in json.loads(ended.stdout)["result"]["tools"]] == TOOLS


def calling(tool: str, given: Mapping[str, str]) -> list[str]:
    return ["--method", "tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(given)]


@pytest.mark.parametrize("name", [*TOOLS, *OTHER_METHODS])
async def test_inspector_finds_tools_resources_and_prompts(
    url: str, folder: Path, name: str
) -> None:
    if name in CALLS:
        given, told = CALLS[name]
        ended = await inspect(url, "modern", folder, *calling(name, given))
    else:
        options, told = OTHER_METHODS[name]
        ended = await inspect(url, "legacy", folder, "--method", name, *options)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert told in ended.stdout.decode()


async def test_inspector_ends_with_5_at_a_tool_error(url: str, folder: Path) -> None:
    given = {"question": QUESTION, "qestion": "typo"}
    ended = await inspect(url, "modern", folder, *calling("ask_amber", given))
    assert ended.returncode == 5
    assert b"tool_is_error" in ended.stderr
    assert b"`qestion` is unknown" in ended.stdout


@pytest.mark.parametrize("sdk_name", SDKS)
async def test_an_sdk_puts_a_question_to_its_user(sdk_name: str, server: str, folder: Path) -> None:
    ended = await run(NODE, "asked.mjs", sdk_name, server, cwd=folder)
    assert ended.returncode == 0, ended.stderr.decode()
    asked: Record = json.loads(ended.stdout)
    (question,) = asked["questions"]
    assert question["message"] == "Which agent is to do it?"
    assert "hr" in question["requestedSchema"]["properties"]["agent"]["enum"]
    assert asked["isError"] is False
    assert asked["result"]["agent"] == "hr"
    assert asked["result"]["sources"]
