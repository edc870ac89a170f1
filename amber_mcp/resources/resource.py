"""What a resource is: an async function that reads it, whose docstring describes it to hosts.

A `Resource` has one address, a `Template` one for each id under which the caller keeps something.
"""

import inspect
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from amber_mcp.app import App
from amber_mcp.state.store import Kind

_ID = re.compile(r"[A-Za-z0-9_.~-]{1,200}")
MediaType = Literal["text/markdown", "application/json"]


@dataclass(frozen=True, slots=True)
class Document:
    """What an id leads to: its text, and how a list shows it."""

    text: str
    title: str
    description: str
    last_modified: datetime | None = None


@dataclass(frozen=True)
class Resource:
    """One resource. `read` returns its text."""

    uri: str
    title: str
    media_type: MediaType
    read: Callable[[App], Awaitable[str]]

    @property
    def name(self) -> str:
        """What programs call it."""
        return self.read.__name__

    @property
    def description(self) -> str:
        """What it holds, for the host."""
        return inspect.cleandoc(self.read.__doc__ or "")


@dataclass(frozen=True)
class Template:
    """Resources whose addresses differ by the id at the end.

    `kind` says as what the store keeps them. `read` returns one of them, and raises `NotFound`
    where the caller has none with that id.
    """

    uri: str
    title: str
    media_type: MediaType
    kind: Kind
    read: Callable[[App, str], Awaitable[Document]]

    @property
    def name(self) -> str:
        """What programs call it."""
        return self.read.__name__

    @property
    def description(self) -> str:
        """What they hold, for the host."""
        return inspect.cleandoc(self.read.__doc__ or "")

    def uri_of(self, id: str) -> str:  # noqa: A002  # the variable's name in the address
        """The address for an id."""
        return self.uri.replace("{id}", id)

    def id_in(self, uri: str) -> str:
        """The id that an address holds; empty, if it is none of this template's."""
        found = uri.removeprefix(self.uri.removesuffix("{id}"))
        return found if found != uri and _ID.fullmatch(found) else ""


def as_json(content: Mapping[str, object]) -> str:
    """The text of a resource in JSON. Halves of split characters stay: whoever sends it mends."""
    return json.dumps(content, ensure_ascii=False)


def resource(
    uri: str, *, title: str, media_type: MediaType
) -> Callable[[Callable[[App], Awaitable[str]]], Resource]:
    """Declare a resource with an address of its own."""
    return lambda read: Resource(uri, title, media_type, read)


def template(
    uri: str, *, title: str, media_type: MediaType, kind: Kind
) -> Callable[[Callable[[App, str], Awaitable[Document]]], Template]:
    """Declare resources of one kind; `{id}` stands at the end of `uri`."""
    return lambda read: Template(uri, title, media_type, kind, read)
