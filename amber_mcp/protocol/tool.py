"""What a tool is: an async function whose signature is its contract.

The first parameter is the `Call`; the others, annotated with their descriptions, are the
arguments; the returned model is the result, which stands alone as text and as structured content.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any

from mcp.types import ToolAnnotations
from pydantic import BaseModel, create_model

from .arguments import Arguments, parse
from .call import Call
from .schema import flat_schema


class Result(BaseModel, ABC):
    """What a tool returns."""

    @abstractmethod
    def as_text(self) -> str:
        """Everything that matters, for hosts that show the model nothing but text."""

    @property
    def failure(self) -> str:
        """The kind of error, where there is a result of something that failed; else empty."""
        return ""


Function = Callable[..., Awaitable[Result]]


class Tool:
    """A function and its contract. Schemas are made when they are first asked for."""

    def __init__(self, function: Function, title: str, annotations: ToolAnnotations) -> None:
        self.name = function.__name__
        self.title = title
        self.annotations = annotations
        self.description = inspect.cleandoc(function.__doc__ or "")
        self._function = function

    async def __call__(self, call: Call, arguments: Mapping[str, object]) -> Result:
        """Check `arguments` and run the tool.

        Raises:
            InvalidRequest: naming the arguments that are unknown, missing or wrong.
            AmberError: of any kind that running it leads to.
        """
        checked = parse(self.name, self.arguments, arguments)
        return await self._function(call, **dict(checked))

    @cached_property
    def arguments(self) -> type[Arguments]:
        """The model of the arguments, made from the function's signature."""
        _, *parameters = inspect.signature(self._function).parameters.values()
        fields: dict[str, Any] = {
            p.name: (p.annotation, ... if p.default is p.empty else p.default) for p in parameters
        }
        return create_model(self.name, __base__=Arguments, **fields)

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """The arguments' JSON schema: flat, closed, without `$defs` and `anyOf`."""
        return {**flat_schema(self.arguments), "additionalProperties": False}

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """The result's JSON schema, with nested objects written inline."""
        return flat_schema(inspect.signature(self._function).return_annotation)


def tool(
    *, title: str, read_only: bool, idempotent: bool, destructive: bool = False
) -> Callable[[Function], Tool]:
    """Declare a tool. All of them reach out to the company's services."""
    annotations = ToolAnnotations(
        read_only_hint=read_only,
        destructive_hint=destructive,
        idempotent_hint=idempotent,
        open_world_hint=True,
    )
    return lambda function: Tool(function, title, annotations)
