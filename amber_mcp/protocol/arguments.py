"""A tool's arguments: checked strictly, and refused in words that tell what to pass instead."""

import difflib
import json
from collections.abc import Mapping
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from amber_mcp.errors import InvalidRequest
from amber_mcp.text.json_values import well_formed_json
from amber_mcp.text.sanitise import quoted, truncate

_MOST_FAULTS = 10


class Arguments(BaseModel):
    """The base of every tool's arguments: closed, strict, and `null` counts as unset."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _as_hosts_send_them(cls, given: Any) -> Any:
        """Leave out nulls; read what came as text and is none, and a list's one bare item."""
        if not isinstance(given, Mapping):
            return given
        return {
            name: _read(value, _shape(cls, name))
            for name, value in given.items()
            if value is not None
        }


_ArgumentsT = TypeVar("_ArgumentsT", bound=Arguments)


def parse(tool: str, model: type[_ArgumentsT], given: Mapping[str, object]) -> _ArgumentsT:
    """The checked arguments of `tool`.

    Raises:
        InvalidRequest: with a sentence for each argument that is unknown, missing or wrong.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        names = list(model.model_fields)
        found = error.errors(include_url=False)
        faults = [_sentence(fault, names) for fault in found[:_MOST_FAULTS]]
        faults += [f"and {more} more"] if (more := len(found) - _MOST_FAULTS) > 0 else []
        raise InvalidRequest(
            f"{tool} cannot use these arguments: {'; '.join(faults)}",
            advice=f"{tool} takes {', '.join(names)}. Correct the call and repeat it.",
        ) from None


def _shape(model: type[BaseModel], name: str) -> object:
    """`list`, `dict` or `bool`, where the argument is one."""
    field = model.model_fields.get(name)
    return field and (get_origin(field.annotation) or field.annotation)


def _read(value: object, shape: object) -> object:
    if not isinstance(value, str) or shape not in (list, dict, bool):
        return value
    if shape is bool:
        return {"true": True, "false": False}.get(value.strip().lower(), value)
    if value.lstrip().startswith(("[", "{")):
        try:
            return well_formed_json(json.loads(value))
        except (ValueError, RecursionError):
            return value
    if shape is dict:
        return value
    return [value] if value.strip() else []


def _sentence(fault: ErrorDetails, names: list[str]) -> str:
    place = truncate(".".join(str(part) for part in fault["loc"]))
    shown = quoted(fault["input"])
    match fault["type"]:
        case "extra_forbidden":
            close = difflib.get_close_matches(place, names, 1)
            return f"`{place}` is unknown" + (f" (did you mean `{close[0]}`?)" if close else "")
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
