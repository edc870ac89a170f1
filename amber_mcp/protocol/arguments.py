"""A tool's arguments: checked strictly, and refused in words that tell what to pass instead."""

import difflib
import json
from collections.abc import Mapping
from typing import TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from amber_mcp.errors import InvalidRequest
from amber_mcp.text.json_values import (
    UnreadableJsonError,
    parse_json,
    scalar_in,
    well_formed,
    well_formed_json,
)
from amber_mcp.text.sanitise import quoted, truncate

from .bounds import MOST_ARGUMENT_VALUES, TooMuchError, check_value

MOST_CHARS = 1_000_000
"""Characters of a text, but of a file's content (`…_base64`), which has a limit of its own."""
MOST_ITEMS = 1_000
"""Items of a list."""
HOST_ARGUMENTS = frozenset({"action", "chatInput", "sessionId", "task_progress", "toolCallId"})
"""What hosts add to the arguments of any tool (n8n, Cline), and no tool means."""

_UNSET = frozenset({"", "null", "None", "undefined"})
_LONGEST_UNSET = 20
_MOST_FAULTS = 10


class Arguments(BaseModel):
    """The base of every tool's arguments: closed and strict."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_ArgumentsT = TypeVar("_ArgumentsT", bound=Arguments)


def parse(tool: str, model: type[_ArgumentsT], given: Mapping[str, object]) -> _ArgumentsT:
    """The checked arguments of `tool`, without what is unset and what hosts add.

    Raises:
        InvalidRequest: with a sentence for each argument that is unknown, missing, wrong or too
            large, as far as they are few.
    """
    fields = model.model_fields
    known: dict[str, object] = {}
    faults: list[str] = []
    for name, field in fields.items():
        value = given.get(name)
        if value is not None and (field.is_required() or not is_unset(value)):
            try:
                known[name] = _read(name, value, field)
            except TooMuchError as error:
                faults.append(f"`{name}` has {error}")
    others = given.keys() - fields.keys() - HOST_ARGUMENTS
    unknown = [name for name in given if name in others and given[name] is not None]
    wrong: list[ErrorDetails] = []
    if not faults:
        try:
            checked = model.model_validate(known)
            if not unknown:
                return checked
        except ValidationError as error:
            wrong = error.errors(include_url=False)
    found = len(faults) + len(wrong) + len(unknown)
    faults += [_sentence(fault) for fault in wrong[:_MOST_FAULTS]]
    faults += [_unknown(name, list(fields)) for name in unknown[:_MOST_FAULTS]]
    shown = faults[:_MOST_FAULTS]
    shown += [f"and {more} more"] if (more := found - len(shown)) else []
    raise InvalidRequest(
        f"{tool} cannot use these arguments: {'; '.join(shown)}",
        advice=f"{tool} takes {', '.join(fields)}. Correct the call and repeat it.",
    )


def arguments_in(text: str) -> dict[str, JsonValue]:
    """The arguments that a host wrote as JSON text, as models' APIs have them.

    Raises:
        InvalidRequest: if there is no object in it, or a larger one than may be.
    """
    try:
        _check_length(text)
        value = {} if is_unset(text) else parse_json(text)
        check_value(value, MOST_ARGUMENT_VALUES)
    except (TooMuchError, UnreadableJsonError) as error:
        fault = "has" if isinstance(error, TooMuchError) else "is JSON that"
        raise InvalidRequest(f"`arguments` {fault} {error}") from None
    except ValueError:
        value = None
    if isinstance(value, dict):
        return {well_formed(name): well_formed_json(inner) for name, inner in value.items()}
    raise InvalidRequest(f"`arguments` must be an object, not {quoted(text)}")


def is_unset(value: object) -> bool:
    """Whether a value is an empty text, or a word that programs write for none."""
    return isinstance(value, str) and len(value) < _LONGEST_UNSET and value.strip() in _UNSET


def _read(name: str, value: object, field: FieldInfo) -> object:
    """The value as it is meant: a text may stand for what is none, a number for text, and a list's
    one item for the list.

    Raises:
        TooMuchError: if it is too large to be checked.
    """
    shape = get_origin(field.annotation) or field.annotation
    if isinstance(value, str) and shape in (list, dict, bool, float):
        value = _meant(value, shape)
    if shape is str:
        value = _as_text(value)
    if isinstance(value, list) and len(value) > MOST_ITEMS:
        raise TooMuchError(f"{len(value)} items, and {MOST_ITEMS} are the most")
    if isinstance(value, str) and not name.endswith("_base64"):
        _check_length(value)
    check_value(value, MOST_ARGUMENT_VALUES)
    if isinstance(value, list) and get_args(field.annotation) == (str,):
        return [_as_text(item) for item in value if item is not None and not is_unset(item)]
    return value


def _check_length(text: str) -> None:
    if len(text) > MOST_CHARS:
        raise TooMuchError(f"{len(text)} characters, and {MOST_CHARS} are the most")


def _as_text(value: object) -> object:
    """A number or a truth value, which hosts send for what reads like one, as text."""
    return json.dumps(value) if isinstance(value, bool | int | float) else value


def _meant(text: str, shape: object) -> object:
    """What a text stands for, where a list, an object, a number or a truth value is asked for.

    Raises:
        TooMuchError: if it may hold too many values to be read.
    """
    if shape in (bool, float):
        return scalar_in(text)
    if text.lstrip().startswith(("[", "{")):
        try:
            value = parse_json(text)
        except UnreadableJsonError as error:
            raise TooMuchError(f"JSON that {error}") from None
        except ValueError:
            return text
        check_value(value, MOST_ARGUMENT_VALUES)
        return well_formed_json(value)
    if shape is dict:
        return text
    return [text] if text.strip() else []


def _unknown(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(truncate(name), names, 1)
    return f"`{truncate(name)}` is unknown" + (f" (did you mean `{close[0]}`?)" if close else "")


def _sentence(fault: ErrorDetails) -> str:
    place = truncate(".".join(str(part) for part in fault["loc"]))
    shown = quoted(fault["input"])
    match fault["type"]:
        case "missing":
            return f"`{place}` is missing"
        case "literal_error":
            return f"`{place}` must be one of {fault['ctx']['expected']}, not {shown}"
        case "string_type":
            return f"`{place}` must be text, not {shown}"
        case "float_type" | "int_type" | "int_from_float":
            return f"`{place}` must be a number, not {shown}"
        case "finite_number":
            return f"`{place}` must be a finite number"
        case "bool_type":
            return f"`{place}` must be true or false, not {shown}"
        case "list_type":
            return f"`{place}` must be a list, not {shown}"
        case "dict_type":
            return f"`{place}` must be an object, not {shown}"
        case _:
            return f"`{place}`: {fault['msg']}"
