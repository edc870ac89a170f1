"""Function calls: which functions a question is about, and with which arguments.

A function is called where a word of its name is in the question; every one of them, if there are
several. Where no name is, the function is called whose description and parameters share the most
words with the question, at least two. Words are the same if one begins with the other, from four
letters on. `required` calls the closest function in any case, and a named choice that one.
"""

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from .arguments import make
from .mentions import Mentions, is_same, words

_EMPTY = re.compile(
    r"a|about|all|an|and|are|as|at|be|by|can|der|die|das|do|ein|eine|for|from|get|give|given|has|"
    r"have|how|i|in|ist|is|it|me|mir|my|of|on|or|set|tell|that|the|this|to|und|use|von|was|what|"
    r"which|wie|will|with|you|your"
)
_LEAST_WORDS = 2
_PIECE = 12


class Function(BaseModel):
    """A function that the caller has."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class FunctionTool(BaseModel):
    """A function as an entry of `tools`."""

    type: Literal["function"]
    function: Function


@dataclass(frozen=True, slots=True)
class Call:
    """A function to be called; its arguments are JSON in a text."""

    id: str
    name: str
    arguments: str

    def pieces(self) -> list[str]:
        """The arguments as a stream sends them: a few characters a time."""
        starts = range(0, len(self.arguments), _PIECE)
        return [self.arguments[at : at + _PIECE] for at in starts]


def choose(
    tools: Sequence[FunctionTool], question: str, choice: str = "auto", *, named: str = ""
) -> list[Call]:
    """The calls that a question leads to; `choice` is `auto`, `none` or `required`.

    Raises:
        SchemaError: the parameters of a function that is called are no JSON schema.
    """
    functions = [tool.function for tool in tools]
    if named:
        functions = [each for each in functions if each.name == named][:1]
    elif choice == "none":
        functions = []
    elif functions:
        close = _meant(functions, question)
        closest = max(functions, key=lambda each: _closeness(each, words(question)))
        functions = close or ([closest] if choice == "required" else [])
    return [_call(each, question) for each in functions]


def _meant(functions: Sequence[Function], question: str) -> list[Function]:
    asked = words(question)
    named = [each for each in functions if _closeness(each, asked)[0]]
    if named:
        return named
    closest = max(functions, key=lambda each: _closeness(each, asked))
    return [closest] if _closeness(closest, asked)[1] >= _LEAST_WORDS else []


def _closeness(function: Function, asked: Sequence[str]) -> tuple[int, int]:
    """How many words of its name the question has, and how many of all that describes it."""
    told = json.dumps(function.parameters or {}, ensure_ascii=False)
    return (
        _shared(function.name, asked),
        _shared(f"{function.name} {function.description or ''} {told}", asked),
    )


def _shared(text: str, asked: Sequence[str]) -> int:
    wanted = {each for each in words(text) if not _EMPTY.fullmatch(each)}
    having = {each for each in asked if not _EMPTY.fullmatch(each)}
    return sum(any(is_same(each, word) for word in wanted) for each in having)


def _call(function: Function, question: str) -> Call:
    mentions = Mentions(question, frozenset(words(function.name)))
    arguments = make(function.parameters or {}, mentions)
    return Call(
        id=f"call_{uuid.uuid4().hex[:24]}",
        name=function.name,
        arguments=json.dumps(arguments, ensure_ascii=False, separators=(",", ":")),
    )
