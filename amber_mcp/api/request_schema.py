"""The base of the APIs' request models: objects with the declared fields and no others.

Of a list or a mapping, the first faulty item alone is reported: a request may hold millions.
"""

from collections.abc import Set
from typing import Annotated, ClassVar, Literal, TypeAlias, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

_T = TypeVar("_T")


def _validate_by_entry(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    if not isinstance(value, dict):
        return validate(value)
    for name, entry in value.items():
        validate({name: entry})
    return value


def _type_tag(value: object) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else None
    return f"type={kind}" if isinstance(kind, str) else None


ListOf = Annotated[list[_T], Field(fail_fast=True)]
MapOf = Annotated[dict[str, _T], WrapValidator(_validate_by_entry)]
UUID_PATTERN = r"^(?i:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
Uuid: TypeAlias = Annotated[str, StringConstraints(pattern=UUID_PATTERN)]
BY_TYPE = Discriminator(_type_tag)
"""Of a union, the member that is tagged `type=` and the value's own `type`.

A tag becomes part of an error's path. No field has a name with `=` in it, so they stay apart.
"""


class Documented(BaseModel):
    """An object with the declared fields alone, or with others where `extra="allow"` is set.

    Types are strict: `"1"` and `true` are no numbers.
    """

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid", defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _report_first_undocumented(cls, value: object) -> object:
        if isinstance(value, dict) and cls.model_config["extra"] == "forbid":
            for name in value:
                if name not in cls.model_fields:
                    known = ", ".join(f"`{field}`" for field in cls.model_fields)
                    about = {"name": name, "known": known}
                    raise PydanticCustomError("undocumented", "undocumented", about)
        return value


class RequestModel(Documented):
    """The body of `POST /chat/completions`. Each API adds `model`, `messages` and the others.

    `takes_functions` tells whether its `tools` are functions that the caller executes.
    """

    takes_functions: ClassVar[bool] = False

    @classmethod
    def message_fields(cls) -> Set[str]:
        """The fields that a message may have."""
        (message,) = get_args(cls.model_fields["messages"].annotation)
        fields: Set[str] = message.model_fields.keys()
        return fields


class TextPart(Documented):
    """A piece of a message's content that is text."""

    type: Literal["text"]
    text: str
