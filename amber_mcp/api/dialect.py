"""What an API documents: its roles, message fields, kinds of content and parameters.

A request is held against it before it is sent: nothing goes out that the API does not document,
and a refusal says which API has what was asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from amber_mcp.errors import InvalidRequest, Unsupported

from .checks import Check
from .types import ChatRequest, Json, Message


@dataclass(frozen=True, slots=True)
class Dialect:
    """The documented form of one API's requests; `roles` of `None` stands for any text."""

    name: str
    offers: tuple[str, ...]
    parameters: Mapping[str, Check]
    roles: frozenset[str] | None
    message_fields: frozenset[str] = frozenset()
    content_parts: frozenset[str] = frozenset()
    null_content: bool = False
    functions: bool = False

    def check(self, request: ChatRequest, others: Iterable["Dialect"]) -> None:
        """Hold `request` against this dialect; `others` are looked through for what it lacks.

        Raises:
            Unsupported: naming a parameter, role, field or kind of content that is not documented.
            InvalidRequest: naming a value of the wrong type, or out of its documented range.
        """
        others = tuple(others)
        for name, value in request.parameters.items():
            if name not in self.parameters:
                having = [other.name for other in others if name in other.parameters]
                raise self._lacks(f"the parameter `{name}`", having)
            if rule := self.parameters[name](value):
                raise InvalidRequest(f"`parameters.{name}` must be {rule}, not {_shown(value)}")
        if request.functions and not self.functions:
            having = [other.name for other in others if other.functions]
            raise self._lacks("function `tools`", having)
        if not request.messages:
            raise InvalidRequest("`messages` is empty")
        for number, message in enumerate(request.messages):
            self._check_message(f"messages.{number}", message, others)

    def _check_message(self, place: str, message: Message, others: Iterable["Dialect"]) -> None:
        if self.roles is not None and message.role not in self.roles:
            having = [o.name for o in others if o.roles is None or message.role in o.roles]
            raise self._lacks(f"the role `{message.role}` (`{place}.role`)", having)
        for name in message.more:
            if name not in self.message_fields:
                having = [other.name for other in others if name in other.message_fields]
                raise self._lacks(f"the message field `{place}.{name}`", having)
        if isinstance(message.content, list):
            self._check_parts(place, message.content, others)
        elif message.content is None and not self.null_content:
            having = [other.name for other in others if other.null_content]
            raise self._lacks(f"a message without content (`{place}.content`)", having)
        elif not isinstance(message.content, str | None):
            raise InvalidRequest(f"`{place}.content` must be text, a list of parts, or null")

    def _check_parts(self, place: str, parts: list[Json], others: Iterable["Dialect"]) -> None:
        for number, part in enumerate(parts):
            kind = part.get("type") if isinstance(part, dict) else None
            if not isinstance(kind, str):
                raise InvalidRequest(f"`{place}.content.{number}` must be an object with a `type`")
            if kind not in self.content_parts:
                having = [other.name for other in others if kind in other.content_parts]
                raise self._lacks(f"content of type `{kind}` (`{place}.content.{number}`)", having)

    def _lacks(self, what: str, having: list[str]) -> Unsupported:
        if not having:
            return Unsupported(
                f"{self.name} does not document {what}, and no other API does",
                advice="Leave it out.",
            )
        return Unsupported(
            f"{self.name} does not document {what}",
            advice=f"Leave it out, or choose a model of another API: {', '.join(having)}.",
        )


def _shown(value: Json) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"
