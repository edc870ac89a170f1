"""What a prompt is: an async function whose signature is its contract.

The first parameter is the application; the others, texts annotated with an `Argument`, are what
the user is asked for; the returned text is said to the assistant in the user's name.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import get_args

from mcp.types import (
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PromptArgument,
    PromptMessage,
    TextContent,
)
from mcp.types import Prompt as PromptDescription

from amber_mcp.app import App
from amber_mcp.errors import InvalidRequest
from amber_mcp.protocol.boundary import request_boundary
from amber_mcp.text.redaction import distinct_secrets, remove_secrets
from amber_mcp.text.sanitise import quoted, strip_controls, truncate

Values = Callable[[App], Awaitable[Sequence[str]]]
"""What an argument can be completed with."""


@dataclass(frozen=True, slots=True)
class Argument:
    """What the user is asked for; `values` completes what was typed, a name of one line."""

    title: str
    description: str
    values: Values | None = None


@dataclass(frozen=True)
class Prompt:
    """A function and its contract. `tools` are those that its text names."""

    write: Callable[..., Awaitable[str]] = field(repr=False)
    title: str
    tools: tuple[str, ...]

    @property
    def name(self) -> str:
        """What hosts call it."""
        return self.write.__name__

    @property
    def description(self) -> str:
        """What it is for."""
        return inspect.cleandoc(self.write.__doc__ or "")

    @cached_property
    def arguments(self) -> Mapping[str, Argument]:
        """The arguments by their names."""
        return {p.name: get_args(p.annotation)[1] for p in self._parameters}

    @cached_property
    def required(self) -> frozenset[str]:
        """The arguments that have to be given."""
        return frozenset(p.name for p in self._parameters if p.default is p.empty)

    async def text(self, app: App, given: Mapping[str, str]) -> str:
        """What is said to the assistant. A blank argument counts as not given.

        Raises:
            InvalidRequest: naming the arguments that are unknown or missing.
        """
        set_ = {name: value.strip() for name, value in given.items() if value.strip()}
        faults = [f"`{truncate(name)}` is unknown" for name in given if name not in self.arguments]
        faults += [
            f"`{name}` is missing" for name in self.arguments if name in self.required - set_.keys()
        ]
        faults += [
            f"`{name}` has more than one line"
            for name, value in set_.items()
            if name in self.arguments
            and self.arguments[name].values
            and len(value.splitlines()) > 1
        ]
        if faults:
            takes = ", ".join(self.arguments)
            raise InvalidRequest(
                f"the prompt {self.name} cannot use these arguments: {'; '.join(faults[:10])}",
                advice=f"It takes {takes}; needed: {', '.join(sorted(self.required))}.",
            )
        return (await self.write(app, **set_)).strip()

    @property
    def _parameters(self) -> list[inspect.Parameter]:
        return list(inspect.signature(self.write).parameters.values())[1:]


def prompt(
    *, title: str, tools: tuple[str, ...]
) -> Callable[[Callable[..., Awaitable[str]]], Prompt]:
    """Declare a prompt, and the tools that its text names."""
    return lambda write: Prompt(write, title, tools)


def list_prompts(prompts: Mapping[str, Prompt]) -> ListPromptsResult:
    """The prompts as a host shows them. They are few: there are no pages."""
    return ListPromptsResult(prompts=[_described(prompt) for prompt in prompts.values()])


async def get_prompt(
    app: App, prompts: Mapping[str, Prompt], params: GetPromptRequestParams
) -> GetPromptResult:
    """What is said to the assistant.

    Raises:
        MCPError: if there is no such prompt, or its arguments cannot be used.
    """
    with request_boundary(app.settings, "prompt", "filling in a prompt") as fields:
        prompt = prompts.get(params.name)
        if prompt is None:
            raise InvalidRequest(
                f"there is no prompt {quoted(params.name)}",
                advice=f"There are: {', '.join(prompts)}."
                if prompts
                else "There are none: they need tools that AMBER_TOOLS leaves out.",
            )
        fields["prompt"] = prompt.name
        await app.ready()
        text = await prompt.text(app, params.arguments or {})
    clean = remove_secrets(strip_controls(text), *distinct_secrets(app.settings.keys))
    message = PromptMessage(role="user", content=TextContent(text=clean))
    return GetPromptResult(description=prompt.description, messages=[message])


def _described(prompt: Prompt) -> PromptDescription:
    return PromptDescription(
        name=prompt.name,
        title=prompt.title,
        description=prompt.description,
        arguments=[
            PromptArgument(
                name=name,
                title=argument.title,
                description=argument.description,
                required=name in prompt.required,
            )
            for name, argument in prompt.arguments.items()
        ],
    )
