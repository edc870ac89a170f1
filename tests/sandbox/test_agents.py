import json
import uuid
from pathlib import Path

import pytest

from amber_mcp.sandbox.agents import Agent, read_agents
from amber_mcp.sandbox.errors import SandboxError

ID = "9676b2b0-9fdd-40b1-8a0a-0debe64b29ac"


def listed(folder: Path, *agents: dict[str, object]) -> Path:
    (folder / "agents.json").write_text(json.dumps({"agents": agents}))
    return folder


def test_agents_come_from_the_list(tmp_path: Path):
    folder = listed(tmp_path, {"id": ID, "name": "hr", "folders": ["hr"], "tool": None})
    (agent,) = read_agents(folder, ["it/a.md"])
    assert (str(agent.id), agent.name, agent.folders, agent.tool) == (ID, "hr", ("hr",), None)


def test_without_a_list_each_folder_is_an_agent_that_stays_the_same(tmp_path: Path):
    paths = ["it/a.md", "it/b.md", "hr/x/c.md", "top.md"]
    agents = read_agents(tmp_path, paths)
    assert [(agent.name, agent.folders) for agent in agents] == [("hr", ("hr",)), ("it", ("it",))]
    assert agents == read_agents(tmp_path, paths)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("no json", "Invalid JSON"),
        ('{"agents": [{"name": "hr"}]}', r"agents\.0\.id"),
        (json.dumps({"agents": [{"id": ID, "name": ""}]}), r"agents\.0\.name"),
        (json.dumps({"agents": [{"id": ID, "name": "a"}, {"id": ID, "name": "b"}]}), "same id"),
        (
            json.dumps(
                {"agents": [{"id": ID, "name": "a"}, {"id": str(uuid.UUID(int=1)), "name": "a"}]}
            ),
            "same name",
        ),
    ],
)
def test_a_bad_list_says_what_is_wrong(tmp_path: Path, content: str, where: str):
    (tmp_path / "agents.json").write_text(content)
    with pytest.raises(SandboxError, match=where):
        read_agents(tmp_path, [])


@pytest.mark.parametrize(
    ("instructions", "opening"),
    [
        ("Answers about leave. Quotes rules.", "Answers about leave."),
        ("Answers about leave", "Answers about leave"),
        ("", ""),
    ],
)
def test_the_first_sentence_opens(instructions: str, opening: str):
    assert Agent(id=uuid.UUID(ID), name="a", instructions=instructions).opening == opening
