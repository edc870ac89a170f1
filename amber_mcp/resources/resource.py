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
from amber_mcp.storage.base import Kind
from amber_mcp.text.sanitise import one_line

_ID = re.compile(r"[A-Za-z0-9_.~-]{1,200}")
_MAX_TITLE_CHARS = 80
MediaType = Literal["text/markdown", "application/json"]


@dataclass(frozen=True, slots=True)
class Entry:
    """How a list shows one of a template's resources."""

    title: str
    description: str
    last_modified: datetime | None = None


class _Named:
    """Something that is read by a function, which names and describes it."""

    read: Callable[..., Awaitable[str]]

    @property
    def name(self) -> str:
        """What programs call it."""
        return self.read.__name__

    @property
    def description(self) -> str:
        """What it holds, for the host."""
        return inspect.cleandoc(self.read.__doc__ or "")


@dataclass(frozen=True)
class Resource(_Named):
    """One resource. `read` returns its text."""

    uri: str
    title: str
    media_type: MediaType
    read: Callable[[App], Awaitable[str]]


@dataclass(frozen=True)
class Template(_Named):
    """Resources whose addresses differ by the id at the end.

    `kind` says as what the store keeps them. `read` returns the text of one of them, and `describe`
    what a list shows of one that a caller has; both raise `NotFound` where there is none with that
    id, or not any more.
    """

    uri: str
    title: str
    media_type: MediaType
    kind: Kind
    read: Callable[[App, str], Awaitable[str]]
    describe: Callable[[App, str, str], Awaitable[Entry]]

    def uri_of(self, id: str) -> str:  # noqa: A002  # the variable's name in the address
        """The address for an id."""
        return self.uri.replace("{id}", id)

    def id_in(self, uri: str) -> str:
        """The id that an address holds; empty, if it is none of this template's."""
        found = uri.removeprefix(self.uri.removesuffix("{id}"))
        return found if found != uri and _ID.fullmatch(found) else ""


def titled(text: str) -> str:
    """The beginning of a text, as a title or a name in one line."""
    return one_line(text, max_chars=_MAX_TITLE_CHARS)


def as_json(content: Mapping[str, object]) -> str:
    """The text of a resource in JSON. Halves of split characters stay: whoever sends it mends."""
    return json.dumps(content, ensure_ascii=False)


def resource(
    uri: str, *, title: str, media_type: MediaType
) -> Callable[[Callable[[App], Awaitable[str]]], Resource]:
    """Declare a resource with an address of its own."""
    return lambda read: Resource(uri, title, media_type, read)


def template(
    uri: str,
    *,
    title: str,
    media_type: MediaType,
    kind: Kind,
    describe: Callable[[App, str, str], Awaitable[Entry]],
) -> Callable[[Callable[[App, str], Awaitable[str]]], Template]:
    """Declare resources of one kind; `{id}` stands at the end of `uri`."""
    return lambda read: Template(uri, title, media_type, kind, read, describe)
