"""Check a request against what its API documents, and say in plain words what does not fit.

What an API does not document is refused by naming the APIs that do, as their models have it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from amber_mcp.errors import InvalidRequest, Unsupported
from amber_mcp.text.json_values import well_formed_json
from amber_mcp.text.sanitise import quoted, truncate

from .chat_messages import wire_message
from .request_schema import RequestModel
from .types import ChatRequest, Json

Path = tuple[str | int, ...]

_RULES: Mapping[str, str] = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than_equal": "at least {ge}",
    "int_type": "a whole number",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "missing": "an object with `{name}`",
    "model_attributes_type": "an object",
    "model_type": "an object",
    "string_pattern_mismatch": "a UUID",
    "string_type": "text",
    "too_long": "a list of at most {max_length}",
    "undocumented": "an object with {known}, not `{name}`",
    "union_tag_invalid": "an object with {expected_tags}",
    "union_tag_not_found": "an object with a `type`",
}
"""What a value must be, for each type of pydantic's errors that the request models lead to."""


def check_request(request: ChatRequest, api: str, models: Mapping[str, type[RequestModel]]) -> None:
    """Check `request` against what `api` documents.

    Args:
        models: the request models of all APIs, by the APIs' names.

    Raises:
        Unsupported: naming a parameter, a role, a field or a kind of content that `api` does not
            document, and the APIs that do.
        InvalidRequest: naming a value of a wrong type, or out of its documented range.
    """
    model = models[api]
    if request.functions and not model.takes_functions:
        having = [name for name, other in models.items() if other.takes_functions]
        refusal = _unsupported(api, "function `tools`", having)
        refusal.next_step += f" {api}'s own go into `parameters.tools`."
        raise refusal
    arguments = {"model", "messages", *(["tools"] if model.takes_functions else [])}
    for name in arguments & request.parameters.keys():
        raise InvalidRequest(
            f"`parameters.{name}` is no place for it", advice=f"Pass it as `{name}`."
        )
    if not request.messages:
        raise InvalidRequest("`messages` is empty")
    body = well_formed_json(_body_of(request))
    faults = _faults(model, body)
    for fault in faults:
        if what := _undocumented(fault):
            given = _reduced_to(fault.path, body)
            having = [name for name, other in models.items() if _documents(other, given)]
            raise _unsupported(api, what, having)
    if faults:
        raise _invalid(faults, arguments)


class _Fault(NamedTuple):
    """What pydantic found: where, its type of error, the rule that is broken, and the value.

    The path of a field that is missing, or not documented, ends with its name.
    """

    path: Path
    kind: str
    rule: str
    value: Json


def _body_of(request: ChatRequest) -> dict[str, Json]:
    return {
        **({"model": request.model} if request.model else {}),
        **({"tools": [dict(f) for f in request.functions]} if request.functions else {}),
        "messages": [wire_message(message) for message in request.messages],
        **request.parameters,
    }


def _faults(model: type[RequestModel], body: Json) -> list[_Fault]:
    """The faults of `body`; of a union, those of the member that the value comes closest to."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        found = [
            _fault(each, body) for each in error.errors(include_url=False, include_input=False)
        ]
        holders = {fault.path[:length] for fault in found for length in range(len(fault.path))}
        return [fault for fault in found if fault.path not in holders]
    return []


def _fault(error: ErrorDetails, body: Json) -> _Fault:
    kind, about = error["type"], dict(error.get("ctx", {}))
    steps = [*error["loc"], about["name"]] if kind == "undocumented" else error["loc"]
    path: list[str | int] = []
    value = body
    for step in steps:  # A step that the body does not have names a member of a union.
        match value, step:
            case dict(), str() if step in value:
                value = value[step]
                path.append(step)
            case list(), int():
                value = value[step]
                path.append(step)
    if kind == "missing":
        path.append(steps[-1])
    about["name"] = truncate(str(steps[-1])) if steps else ""
    for bound in about.keys() & {"ge", "le"}:
        about[bound] = int(about[bound])  # The documents have whole numbers alone as bounds.
    return _Fault(tuple(path), kind, _RULES[kind].format_map(about), value)


def _undocumented(fault: _Fault) -> str:
    """The parameter, message field, role or kind of content that the API does not know at all.

    Empty where the API knows of it, and the value alone is wrong.
    """
    place = _place(fault.path)
    match fault.path, fault.kind, fault.value:
        case (str(name),), "undocumented", _:
            return f"the parameter `{truncate(name)}`"
        case ("messages", _, _), "undocumented", _:
            return f"the message field `{place}`"
        case ("messages", _, "role"), "literal_error", str(role):
            return f"the role `{truncate(role)}` (`{place}`)"
        case ("messages", _, "content"), "string_type", None:
            return f"a message without content (`{place}`)"
        case ("messages", _, "content"), "string_type", list():
            return f"content in parts (`{place}`)"
        case ("messages", _, "content", _), "union_tag_invalid", {"type": str(kind)}:
            return f"content of type `{truncate(kind)}` (`{place}`)"
    return ""


def _documents(model: type[RequestModel], body: Json) -> bool:
    """Whether `model` knows of everything in `body`, whatever the values."""
    return not any(map(_undocumented, _faults(model, body)))


def _reduced_to(path: Path, body: Any) -> Json:
    """`body` with nothing in it but what stands at `path`."""
    if not path:
        return body  # type: ignore[no-any-return]
    inner = _reduced_to(path[1:], body[path[0]])
    return [inner] if isinstance(path[0], int) else {path[0]: inner}


def _invalid(faults: list[_Fault], arguments: set[str]) -> InvalidRequest:
    """The error of the first fault, with every rule that would have allowed its value."""
    path, kind, _, value = faults[0]
    rules = dict.fromkeys(fault.rule for fault in faults if fault.path == path)
    given = "" if kind == "undocumented" else f", not {quoted(value)}"
    holder = path[:-1] if kind in ("missing", "undocumented") else path
    place = _place(holder if path[0] in arguments else ("parameters", *holder))
    return InvalidRequest(f"`{place}` must be {' or '.join(rules)}{given}")


def _unsupported(api: str, what: str, having: list[str]) -> Unsupported:
    if not having:
        return Unsupported(
            f"{api} does not document {what}, and no other API does", advice="Leave it out."
        )
    return Unsupported(
        f"{api} does not document {what}",
        advice=f"Leave it out, or choose a model of another API: {', '.join(having)}.",
    )


def _place(path: Path) -> str:
    return ".".join(truncate(str(step)) for step in path)
