"""A prompt as hosts see it: listed, and filled in."""

from collections.abc import Mapping

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
from amber_mcp.text.quoting import quoted
from amber_mcp.text.redaction import distinct_secrets, remove_secrets
from amber_mcp.text.sanitise import strip_controls

from .prompt import Prompt


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
    with request_boundary(app.settings, "prompt", "filling in a prompt") as told:
        prompt = prompts.get(params.name)
        if prompt is None:
            raise InvalidRequest(
                f"there is no prompt {quoted(params.name)}",
                advice=f"There are: {', '.join(prompts)}."
                if prompts
                else "There are none: they need tools that AMBER_TOOLS leaves out.",
            )
        told["prompt"] = prompt.name
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
