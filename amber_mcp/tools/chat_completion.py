"""`chat_completion`: a whole completion, for agent builders, from any of the four APIs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from amber_mcp.answering import complete
from amber_mcp.api.types import ChatRequest, Json, Message
from amber_mcp.errors import InvalidRequest
from amber_mcp.files import upload_roots
from amber_mcp.images import sendable_image
from amber_mcp.routing import DIALECTS, route

from .schema import OpenObject
from .tool import Call, Result, tool


class ChoiceOut(BaseModel):
    """One choice, with all that the API said of it."""

    model_config = ConfigDict(extra="allow")

    index: int
    message: OpenObject
    finish_reason: str = ""
    completion_id: str = ""


class Completed(Result):
    """A completion, in the wire's own words; fields that an API adds are kept."""

    model_config = ConfigDict(extra="allow")

    api: str
    choices: list[ChoiceOut]
    usage: OpenObject
    session_id: str = ""

    def as_text(self) -> str:
        """The completion as compact JSON."""
        return self.model_dump_json(exclude_none=True)


@tool(title="Chat completion", read_only=False, idempotent=False)
async def chat_completion(
    call: Call,
    model: Annotated[
        str,
        Field(
            description="API and model id, as in amber:, amber-openai:, morpheus: or adaptive:ID "
            "(list_models shows them). The id alone will do where one API has it."
        ),
    ],
    messages: Annotated[
        list[OpenObject],
        Field(
            description="Messages in OpenAI's format: role, content (text or parts), and "
            "tool_calls, tool_call_id or name where the API has them."
        ),
    ],
    tools: Annotated[
        list[OpenObject],
        Field(description="Functions in OpenAI's format. Calls are returned, not executed."),
    ] = [],  # noqa: B006  # never changed: pydantic copies it
    parameters: Annotated[
        OpenObject,
        Field(
            description="The API's own parameters by their names, such as temperature, "
            "max_tokens, tool_choice, session_id or metadata."
        ),
    ] = {},  # noqa: B006  # never changed: pydantic copies it
) -> Completed:
    """Get a raw chat completion from one of the company's model APIs, tool calls and all.

    For programs that build on a model: every parameter that the chosen API documents can be
    passed, and what it does not document is refused by name. For questions use ask_amber.
    """
    app = call.app
    api, model_id = await route(app, model.strip())
    request = ChatRequest(
        messages=tuple(_message(call, number, fields) for number, fields in enumerate(messages)),
        model=model_id,
        functions=tuple(_function(number, fields) for number, fields in enumerate(tools)),
        parameters=parameters,
    )
    api.dialect.check(request, DIALECTS)
    received = 0

    def on_text(piece: str) -> None:
        nonlocal received
        received += len(piece)
        call.progress.note(f"{api.dialect.name} is answering: {received} characters so far")

    call.progress.note(f"Asking {api.dialect.name}")
    body = await complete(api, request, on_text=on_text, timeout=call.seconds_left)
    return Completed.model_validate({**body, "api": api.dialect.name})


def _message(call: Call, number: int, fields: dict[str, Json]) -> Message:
    more = dict(fields)
    role, content = more.pop("role", None), more.pop("content", None)
    if not isinstance(role, str):
        raise InvalidRequest(f"`messages.{number}.role` is missing")
    if isinstance(content, list):
        content = [_part(call, part) for part in content]
    return Message(
        role, content, {name: value for name, value in more.items() if value is not None}
    )


def _part(call: Call, part: Json) -> Json:
    """A part of a content; an image is checked, and read if it is a local file."""
    match part:
        case {"type": "image_url", "image_url": {"url": str() as url}}:
            return {"type": "image_url", "image_url": {"url": _image(call, url)}}
        case {"type": "image_url", "image_url": str() as url}:
            return {"type": "image_url", "image_url": {"url": _image(call, url)}}
        case {"type": "image_url"}:
            raise InvalidRequest("an `image_url` part needs `image_url`: {`url`: …}")
        case _:
            return part


def _image(call: Call, url: str) -> str:
    roots = upload_roots(call.app.settings) if call.local_files else ()
    return sendable_image(url, roots=roots, local_files=call.local_files)


def _function(number: int, fields: dict[str, Json]) -> dict[str, Json]:
    match fields:
        case {"type": "function", "function": {"name": str()}}:
            return fields
    raise InvalidRequest(
        f"`tools.{number}` is no function in OpenAI's format",
        advice='Write {"type": "function", "function": {"name": …, "parameters": {…}}}; '
        "an API's own tools go into `parameters`.",
    )
