"""The company: agents, folders, and synonyms that a folder brings along."""

import json
from pathlib import Path
from typing import Any

import pytest

from amber_mcp.sandbox import SandboxError
from amber_mcp.sandbox.company import Agent, read_company

from .conftest import write

ID = "9676b2b0-9fdd-40b1-8a0a-0debe64b29ac"
OTHER = "9676b2b0-9fdd-40b1-8a0a-0debe64b29ad"


def folder(root: Path, **files: str) -> Path:
    return write(root, {"hr/a.md": "Leave", "it/b.md": "Login", "top.md": "Top", **files})


def test_agents_come_from_the_list(tmp_path: Path):
    agents = {"agents": [{"id": ID, "name": "hr", "folders": ["hr"]}]}
    company = read_company(folder(tmp_path, **{"agents.json": json.dumps(agents)}))
    (agent,) = company.agents
    assert (str(agent.id), agent.name, agent.folders) == (ID, "hr", ("hr",))
    assert company.agent(ID.upper()) is agent
    assert company.agent("x") is None
    assert "agents.json" not in company.documents.by_path
    company.close()


def test_without_a_list_each_folder_is_an_agent_that_stays_the_same(tmp_path: Path):
    company = read_company(folder(tmp_path))
    assert [agent.name for agent in company.agents] == ["hr", "it"]
    assert company.agents == read_company(tmp_path).agents


@pytest.mark.parametrize(
    ("agents", "told"),
    [
        ("no json", "Invalid JSON"),
        ([{"name": "hr"}], r"agents\.0\.id"),
        ([{"id": ID, "name": ""}], r"agents\.0\.name"),
        ([{"id": ID, "name": "a"}, {"id": ID, "name": "b"}], "same id"),
        ([{"id": ID, "name": "a"}, {"id": OTHER, "name": "a"}], "same name"),
    ],
)
def test_a_bad_list_says_what_is_wrong(tmp_path: Path, agents: Any, told: str):
    content = agents if isinstance(agents, str) else json.dumps({"agents": agents})
    with pytest.raises(SandboxError, match=told):
        read_company(folder(tmp_path, **{"agents.json": content}))


def test_a_folder_may_bring_its_own_synonyms(tmp_path: Path):
    root = folder(tmp_path, **{"synonyms.txt": "sign in, login  # computers\n"})
    company = read_company(root)
    assert "synonyms.txt" not in company.documents.by_path
    (hit,) = company.documents.index.search("How do I sign in?")
    assert hit.document.path == "it/b.md"


def test_a_missing_folder_is_told(tmp_path: Path):
    with pytest.raises(SandboxError, match="is not a folder"):
        read_company(tmp_path / "none")


@pytest.mark.parametrize(
    ("instructions", "opening"),
    [("Answers. Quotes.", "Answers."), ("Answers", "Answers"), ("", "")],
)
def test_the_first_sentence_opens(instructions: str, opening: str):
    agent = Agent.model_validate({"id": ID, "name": "a", "instructions": instructions})
    assert agent.opening == opening
