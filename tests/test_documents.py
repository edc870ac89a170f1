"""What the project says of itself: the README's tables, the examples, and `server.json`."""

import ast
import inspect
import json
import os
import re
import sys
import tomllib
from html import escape
from itertools import pairwise
from pathlib import Path

import anyio
import pytest
from jsonschema import Draft7Validator

from amber_mcp import __version__
from amber_mcp.config.environment import Variable
from amber_mcp.config.parsers import TOOL_NAMES
from amber_mcp.config.settings import Settings, variables
from amber_mcp.prompts import prompts_for
from amber_mcp.protocol.arguments import HOST_ARGUMENTS
from amber_mcp.resources import RESOURCES, TEMPLATES
from amber_mcp.tools import tools_named
from tests.e2e.programs import environment

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT.parent / "shared" / "docs" / "server.schema.json"
SECRETS = {
    "AMBER_API_KEY",
    "MORPHEUS_API_KEY",
    "ADAPTIVE_API_KEY",
    "AMBER_CLIENT_KEY_PASSWORD",
    "AMBER_STATE",  # a Redis server's address may hold a password
    "AMBER_STATE_KEY",
}
UPDATE = "UPDATE_SNAPSHOTS" in os.environ


def _docstrings_of_settings() -> dict[str, str]:
    """What stands below each field, without the full stop."""
    (settings,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(settings, ast.ClassDef)
    return {
        ast.unparse(field.target): docstring.value.value.removesuffix(".")
        for field, docstring in pairwise(settings.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(docstring, ast.Expr)
        and isinstance(docstring.value, ast.Constant)
        and isinstance(docstring.value.value, str)
    }


DOCSTRINGS = _docstrings_of_settings()


def meaning_of(variable: Variable) -> str:
    return variable.meaning or DOCSTRINGS[variable.field]


def default_of(name: str) -> str:
    field = next(variable.field for variable in variables() if variable.name == name)
    value = getattr(Settings(), field)
    if isinstance(value, bool):
        return "on" if value else "off"
    if name == "AMBER_TOOLS":
        return "all five"
    if field.endswith("api_key") or not value:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


GROUPS = {
    "to reach amber": "AMBER_BASE_URL AMBER_API_KEY AMBER_API_KEY_FILE AMBER_OPENAI_MODELS "
    "MORPHEUS_BASE_URL MORPHEUS_API_KEY ADAPTIVE_BASE_URL ADAPTIVE_API_KEY ADAPTIVE_MODELS",
    "behaviour": "AMBER_MODEL AMBER_LANGUAGE AMBER_AGENTS AMBER_TOOLS AMBER_UPLOAD_ROOTS "
    "AMBER_UPLOAD_FIELD AMBER_STREAM AMBER_STRUCTURED AMBER_WEB_WITH_COMPANY",
    "state": "AMBER_STATE AMBER_STATE_KEY AMBER_STATE_TTL",
    "network": "AMBER_CA_BUNDLE AMBER_CLIENT_CERT AMBER_CLIENT_KEY AMBER_CLIENT_KEY_PASSWORD",
    "logs": "AMBER_LOG_LEVEL AMBER_LOG_CONTENT",
}
MAIN = (
    "AMBER_BASE_URL AMBER_API_KEY AMBER_API_KEY_FILE AMBER_MODEL AMBER_LANGUAGE AMBER_AGENTS "
    "AMBER_TOOLS AMBER_UPLOAD_ROOTS AMBER_STATE AMBER_CALL_TIMEOUT AMBER_LOG_LEVEL"
)
LIMITS = " ".join(
    each.name for each in variables() if each.name not in " ".join(GROUPS.values()).split()
)


def variables_table(names: str) -> str:
    rows = [
        f"| `{variable.name}` | {meaning_of(variable)} | {default_of(variable.name)} |"
        for variable in variables()
        if variable.name in names.split()
    ]
    assert len(rows) == len(names.split())
    return "\n".join(["| variable | meaning | default |", "|---|---|---|", *rows])


def tools_table() -> str:
    rows = [
        f"| `{tool.name}` | {tool.description.partition(chr(10))[0]} "
        f"| {', '.join(f'`{name}`' for name in tool.input_schema['properties'])} |"
        for tool in tools_named(TOOL_NAMES).values()
    ]
    return "\n".join(["| tool | what it does | arguments |", "|---|---|---|", *rows])


def resources_table() -> str:
    rows = [f"| `{each.uri}` | {each.description} |" for each in (*RESOURCES, *TEMPLATES)]
    return "\n".join(["| address | what stands there |", "|---|---|", *rows])


def prompts_table() -> str:
    rows = [
        f"| `{prompt.name}` | {prompt.description} "
        f"| {', '.join(f'`{name}`' for name in prompt.arguments)} |"
        for prompt in prompts_for(TOOL_NAMES).values()
    ]
    return "\n".join(["| prompt | what it does | arguments |", "|---|---|---|", *rows])


TABLES = [
    ("README.md", "main variables", variables_table(MAIN)),
    ("README.md", "tools", tools_table()),
    ("README.md", "prompts", prompts_table()),
    ("docs/state.md", "resources", resources_table()),
    *(
        ("docs/configuration.md", name, variables_table(names))
        for name, names in {**GROUPS, "limits": LIMITS}.items()
    ),
]


@pytest.mark.parametrize(("page", "name", "table"), TABLES, ids=[name for _, name, _ in TABLES])
def test_a_table_is_up_to_date(page: str, name: str, table: str) -> None:
    hold_table(ROOT / page, name, table)


def hold_table(page: Path, name: str, table: str) -> None:
    """Hold the part of a page between two marks against `table`, or bring it up to date."""
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    assert len(pattern.findall(text)) == 1
    expected = pattern.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text)
    if UPDATE:
        page.write_text(expected, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == expected


def faults_tables() -> tuple[str, str]:
    """What each tool answers to each fault, and what `ask_amber` says of it."""
    happened = json.loads((ROOT / "tests/e2e/faults.json").read_text(encoding="utf-8"))
    tools = list(next(iter(happened.values()))["outcomes"])
    outcomes = [
        "| fault | " + " | ".join(f"`{tool}`" for tool in tools) + " |",
        "|---" * (len(tools) + 1) + "|",
        *(
            f"| {fault} | {' | '.join(outcome['outcomes'][tool] for tool in tools)} |"
            for fault, outcome in happened.items()
        ),
    ]
    words = ["| fault | what `ask_amber` says |", "|---|---|"]
    for fault, outcome in happened.items():
        said = " ".join(outcome["ask_amber says"].split()) or "(it answers)"
        said = said if len(said) <= 400 else f"{said[:200]} … {said[-180:]}"
        words.append(f"| {fault} | {escape(said, quote=False).replace('|', '&#124;')} |")
    return "\n".join(outcomes), "\n".join(words)


@pytest.mark.parametrize(("name", "number"), [("outcomes", 0), ("words", 1)])
def test_the_table_of_faults_is_up_to_date(name: str, number: int) -> None:
    hold_table(ROOT / "docs/faults.md", name, faults_tables()[number])


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))],
    ids=lambda page: page.name,
)  # fmt: skip
def test_every_file_that_a_page_links_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.json")), ids=lambda p: p.name)
def test_an_example_names_the_program_and_variables_that_there_are(path: Path) -> None:
    config = json.loads(path.read_text(encoding="utf-8"))
    (entry,) = (config.get("mcpServers") or config["servers"]).values()
    assert entry["command"] == "amber-mcp"
    assert {"AMBER_BASE_URL", "AMBER_API_KEY"} <= set(entry["env"])
    assert set(entry["env"]) <= {variable.name for variable in variables()}


async def test_the_example_client_answers() -> None:
    with anyio.fail_after(60):
        done = await anyio.run_process(
            [sys.executable, str(ROOT / "examples" / "python_client.py")], env=environment()
        )
    assert "hr/annual-leave.md" in done.stdout.decode()
    assert "… Searching company sources" in done.stderr.decode()


def server_json() -> dict[str, object]:
    loaded: dict[str, object] = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    return loaded


def _entry(variable: Variable, known: dict[str, object]) -> dict[str, object]:
    description = meaning_of(variable).replace("`", "")
    entry = {"name": variable.name, "description": description, "placeholder": variable.example}
    secret = {"isSecret": True} if variable.name in SECRETS else {}
    return {**entry, **secret, **known, "description": description}


def test_the_arguments_that_are_dropped_are_documented() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in HOST_ARGUMENTS if f"`{name}`" not in readme] == []


def test_server_json_names_every_variable_and_the_version() -> None:
    described = server_json()
    if UPDATE:
        (package,) = described["packages"]  # type: ignore[misc]
        known = {entry["name"]: entry for entry in package["environmentVariables"]}
        package["environmentVariables"] = [_entry(v, known.get(v.name, {})) for v in variables()]
        text = json.dumps(described, indent=2, ensure_ascii=False)
        (ROOT / "server.json").write_text(f"{text}\n", encoding="utf-8")
    (package,) = described["packages"]  # type: ignore[misc]
    assert package["identifier"] == "amber-mcp"
    assert described["version"] == package["version"] == __version__
    assert f"mcp-name: {described['name']}" in (ROOT / "README.md").read_text(encoding="utf-8")
    entries = {entry["name"]: entry for entry in package["environmentVariables"]}
    assert list(entries) == [variable.name for variable in variables()]
    assert {name for name, entry in entries.items() if entry.get("isSecret")} == SECRETS
    for variable in variables():
        assert entries[variable.name]["description"] == meaning_of(variable).replace("`", "")


def test_server_json_is_valid() -> None:
    if not SCHEMA.exists():
        pytest.skip(f"the registry's schema is not at {SCHEMA.name} beside the checkout")
    Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(server_json())


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == __version__
