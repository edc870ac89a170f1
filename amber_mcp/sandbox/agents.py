"""Agents: named ways to be asked, each with its own instructions and folders.

`agents.json` says which there are; where a folder has none, each folder in it is one agent.
"""

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from .documents import AGENTS_FILE
from .errors import SandboxError

_NAMESPACE = uuid.UUID("5f2b6f0c-7d0e-5a1b-9c57-3f1f6f3f7a10")


class Agent(BaseModel):
    """One agent.

    `folders` are the only ones its company search reads (all where the list is empty). `tool` is
    the search it is made for; whether it searches is up to each request's `tools`. `passages`
    sets how many are quoted, `overview` lists the documents before the quotes. The first
    sentence of `instructions` opens each of its answers.
    """

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID
    name: Annotated[str, Field(min_length=1)]
    instructions: str = ""
    folders: tuple[str, ...] = ()
    tool: Literal["amberSearch", "webSearch"] | None = "amberSearch"
    passages: Annotated[int, Field(ge=1, le=20)] | None = None
    overview: bool = False

    @property
    def opening(self) -> str:
        """The first sentence of the instructions."""
        first, stop, _ = self.instructions.strip().partition(". ")
        return first + "." if stop else first


class _Listed(BaseModel):
    agents: tuple[Agent, ...]


def read_agents(documents: Path, paths: Iterable[str]) -> tuple[Agent, ...]:
    """The agents of a documents folder: from its `agents.json`, or one for each folder in it.

    Raises:
        SandboxError: the file does not say what it should.
    """
    file = documents / AGENTS_FILE
    if not file.is_file():
        return _one_each(paths)
    try:
        listed = TypeAdapter(_Listed).validate_json(file.read_bytes()).agents
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SandboxError(f"{file}: {where}: {first['msg']}") from error
    if len({agent.id for agent in listed}) < len(listed):
        raise SandboxError(f"{file}: two agents have the same id")
    if len({agent.name for agent in listed}) < len(listed):
        raise SandboxError(f"{file}: two agents have the same name")
    return listed


def _one_each(paths: Iterable[str]) -> tuple[Agent, ...]:
    folders = sorted({path.partition("/")[0] for path in paths if "/" in path})
    return tuple(
        Agent(id=uuid.uuid5(_NAMESPACE, folder), name=folder, folders=(folder,))
        for folder in folders
    )
