"""The company: a folder of documents, one of saved web pages, and agents to ask about them."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .documents import AGENTS_FILE, SYNONYMS_FILE, Document, LeftOut, read_folder
from .search import SearchIndex, Synonyms


class SandboxError(Exception):
    """The sandbox cannot start; the message says why."""


_SAMPLE = Path(__file__).with_name("company")
_NAMESPACE = uuid.UUID("5f2b6f0c-7d0e-5a1b-9c57-3f1f6f3f7a10")


class Agent(BaseModel):
    """One agent, as `agents.json` has it.

    `folders` are the only ones that its company search reads (all where the list is empty). The
    first sentence of `instructions` opens each of its answers. Whether it searches is up to each
    request's `tools`.
    """

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID
    name: Annotated[str, Field(min_length=1)]
    instructions: str = ""
    folders: tuple[str, ...] = ()

    @property
    def opening(self) -> str:
        """The first sentence of the instructions."""
        first, stop, _ = self.instructions.strip().partition(". ")
        return first + "." if stop else first


class _AgentsFile(BaseModel):
    agents: tuple[Agent, ...]


@dataclass(frozen=True)
class Collection:
    """A folder that was read: its documents by path, and the index over them.

    `token` stands in the address of each document, so that only who was given the link can open
    it: a browser sends no key.
    """

    root: Path
    by_path: dict[str, Document]
    index: SearchIndex
    left_out: tuple[LeftOut, ...]
    token: str = field(default_factory=lambda: token_urlsafe(16), repr=False)


@dataclass(frozen=True)
class Company:
    """Everything that can be searched, and who can be asked to search it."""

    documents: Collection
    web: Collection
    agents: tuple[Agent, ...]
    synonyms: Synonyms

    def agent(self, agent_id: str) -> Agent | None:
        """The agent with an id."""
        return next((each for each in self.agents if str(each.id) == agent_id.lower()), None)

    def close(self) -> None:
        """Give the memory back."""
        self.documents.index.close()
        self.web.index.close()


def read_company(documents: Path | None = None, web: Path | None = None) -> Company:
    """Read the folders, by default those of the sample company.

    A folder may bring its own `agents.json` and `synonyms.txt`. Without the first, each of its
    folders is one agent; without the second, the sample company's synonyms are used.

    Raises:
        SandboxError: a folder is missing, or its agents.json cannot be understood.
    """
    own = documents / SYNONYMS_FILE if documents else _SAMPLE / SYNONYMS_FILE
    used = own if own.is_file() else _SAMPLE / SYNONYMS_FILE
    synonyms = Synonyms(used.read_text("utf-8").splitlines())
    searched = _read_collection(documents or _SAMPLE / "documents", synonyms)
    pages = _read_collection(web or _SAMPLE / "web", synonyms)
    agents = _read_agents((documents or _SAMPLE) / AGENTS_FILE, searched.by_path)
    return Company(searched, pages, agents, synonyms)


def _read_collection(root: Path, synonyms: Synonyms) -> Collection:
    if not root.is_dir():
        raise SandboxError(f"{root} is not a folder")
    documents, left_out = read_folder(root)
    by_path = {document.path: document for document in documents}
    return Collection(root.resolve(), by_path, SearchIndex(documents, synonyms), tuple(left_out))


def _read_agents(file: Path, paths: Iterable[str]) -> tuple[Agent, ...]:
    if not file.is_file():
        folders = sorted({path.partition("/")[0] for path in paths if "/" in path})
        return tuple(
            Agent(id=uuid.uuid5(_NAMESPACE, folder), name=folder, folders=(folder,))
            for folder in folders
        )
    try:
        agents = _AgentsFile.model_validate_json(file.read_bytes()).agents
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SandboxError(f"{file}: {where}: {first['msg']}") from error
    for name in ("id", "name"):
        if len({getattr(agent, name) for agent in agents}) < len(agents):
            raise SandboxError(f"{file}: two agents have the same {name}")
    return agents
