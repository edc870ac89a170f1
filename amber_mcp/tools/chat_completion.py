"""`chat_completion`: a whole completion, for agent builders, from any of the four APIs."""

from typing import Annotated, get_args

import anyio.to_thread
from pydantic import Field
from pydantic.fields import FieldInfo

from amber_mcp.answering import complete
from amber_mcp.api.chat_messages import as_input_message
from amber_mcp.api.request_check import check_request
from amber_mcp.api.types import ChatRequest, Json, Message
from amber_mcp.errors import AmberError, InvalidRequest
from amber_mcp.files.images import sendable_image
from amber_mcp.files.local import upload_roots
from amber_mcp.model_routing import REQUEST_MODELS
from amber_mcp.protocol.arguments import is_unset
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.schema import OpenObject
from amber_mcp.protocol.tool import tool
from amber_mcp.text.json_values import scalar_in
from amber_mcp.text.sanitise import quoted

from .chat_completion_result import CompletionResult, chat_completion_result, truncate_answer
from .model_choice import route_or_ask


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
            "tool_calls, tool_call_id or name where the API has them. An answer's message can be "
            "sent back as it came. An image is an https address, a data URI or, on local "
            "servers, a file in an allowed folder, which is read and sent."
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
            "max_tokens, tool_choice, session_id, metadata or stream. null counts as unset."
        ),
    ] = {},  # noqa: B006  # never changed: pydantic copies it
) -> CompletionResult:
    """Get a raw chat completion from one of the company's model APIs, tool calls and all.

    For programs that build on a model: every parameter that the chosen API documents can be
    passed, and what it does not document is refused by name. For questions use ask_amber.
    """
    app = call.app
    if not messages:
        raise InvalidRequest("`messages` is empty", advice="Pass at least one message.")
    given = await anyio.to_thread.run_sync(_read_messages, call, messages)
    api, model_id = await route_or_ask(call, model)
    documented = api.request_model.message_fields()
    fields = api.request_model.model_fields
    given_parameters = (
        (name, _parameter(value, fields.get(name))) for name, value in parameters.items()
    )
    request = ChatRequest(
        messages=tuple(as_input_message(message, documented) for message in given),
        model=model_id,
        functions=tuple(tools),
        parameters={name: value for name, value in given_parameters if value is not None},
    )
    check_request(request, api.name, REQUEST_MODELS)
    call.progress.note(f"Asking {api.name}")
    limit = app.settings.max_answer_chars
    try:
        body = await complete(
            api,
            request,
            on_text=call.progress.counting(api.name),
            timeout=call.seconds_left,
        )
    except AmberError as error:
        error.partial = truncate_answer(error.partial, limit)
        raise
    return chat_completion_result(body, api.name, limit)


def _parameter(value: Json, documented: FieldInfo | None) -> Json:
    """A number or a truth value may come as text; `None` where that says that it is unset."""
    if isinstance(value, str) and documented is not None and _is_scalar(documented):
        value = None if is_unset(value) else scalar_in(value)
    # A whole number is one however it is written: hosts send `100.0` for `100`.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_scalar(field: FieldInfo) -> bool:
    """Whether an API takes a number or a truth value, and no text."""
    members = {getattr(each, "__origin__", each) for each in get_args(field.annotation)}
    return bool(members & {int, float, bool})


def _read_messages(call: Call, messages: list[dict[str, Json]]) -> list[Message]:
    return [_message(call, number, fields) for number, fields in enumerate(messages)]


def _message(call: Call, number: int, fields: dict[str, Json]) -> Message:
    more = {name: value for name, value in fields.items() if value is not None}
    role, content = more.pop("role", None), more.pop("content", None)
    place = f"messages.{number}"
    if not isinstance(role, str):
        fault = "is missing" if role is None else f"must be text, not {quoted(role)}"
        raise InvalidRequest(f"`{place}.role` {fault}")
    if isinstance(content, list):
        content = [_part(call, f"{place}.content.{at}", part) for at, part in enumerate(content)]
    return Message(role, content, more)


def _part(call: Call, place: str, part: Json) -> Json:
    """A part of a content; an image is checked, and read if it is a local file."""
    if not isinstance(part, dict) or part.get("type") != "image_url":
        return part
    image = part.get("image_url")
    fields = {"url": image} if isinstance(image, str) else image
    if not isinstance(fields, dict) or not isinstance(url := fields.get("url"), str):
        raise InvalidRequest(f"`{place}` needs `image_url`: {{`url`: …}}")
    return {**part, "image_url": {**fields, "url": _image(call, url)}}


def _image(call: Call, url: str) -> str:
    roots = upload_roots(call.app.settings) if call.local_files else ()
    return sendable_image(url, roots=roots, local_files=call.local_files)
