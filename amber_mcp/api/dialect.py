"""What an API documents: its roles, message fields, kinds of content and parameters.

A request is held against it before it is sent: nothing goes out that the API does not document,
and a refusal says which API has what was asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from amber_mcp.errors import InvalidRequest, Unsupported
from amber_mcp.quoting import cut, quoted

from .checks import Check
from .types import ChatRequest, Json, Message


@dataclass(frozen=True, slots=True)
class Dialect:
    """The documented form of one API's requests.

    `roles` of `None` stands for any text, and a `function` of `None` for no functions.
    """

    name: str
    offers: tuple[str, ...]
    parameters: Mapping[str, Check]
    roles: frozenset[str] | None
    message_fields: Mapping[str, Check] = field(default_factory=dict)
    content_parts: Mapping[str, Check] = field(default_factory=dict)
    null_content: bool = False
    function: Check | None = None
    needs_model: bool = True

    def check(self, request: ChatRequest, others: Iterable["Dialect"]) -> None:
        """Hold `request` against this dialect; `others` are looked through for what it lacks.

        Raises:
            Unsupported: naming a parameter, role, field or kind of content that is not documented.
            InvalidRequest: naming a value of the wrong type, or out of its documented range.
        """
        others = tuple(others)
        for name, value in request.parameters.items():
            self._check_parameter(name, value, others)
        for number, function in enumerate(request.functions):
            if self.function is None:
                having = [other.name for other in others if other.function]
                own = f" {self.name}'s own go into `parameters.tools`."
                raise self._lacks("function `tools`", having, own)
            _hold(f"tools.{number}", dict(function), self.function)
        if not request.messages:
            raise InvalidRequest("`messages` is empty")
        for number, message in enumerate(request.messages):
            self._check_message(f"messages.{number}", message, others)

    def _check_parameter(self, name: str, value: Json, others: tuple["Dialect", ...]) -> None:
        if name in ("model", "messages") or (name == "tools" and self.function):
            raise InvalidRequest(
                f"`parameters.{name}` is no place for it", advice=f"Pass it as `{name}`."
            )
        if name not in self.parameters:
            having = [other.name for other in others if name in other.parameters]
            raise self._lacks(f"the parameter `{cut(name)}`", having)
        _hold(f"parameters.{name}", value, self.parameters[name])

    def _check_message(self, place: str, message: Message, others: tuple["Dialect", ...]) -> None:
        if self.roles is not None and message.role not in self.roles:
            having = [o.name for o in others if o.roles is None or message.role in o.roles]
            raise self._lacks(f"the role `{cut(message.role)}` (`{place}.role`)", having)
        for name, value in message.more.items():
            if name not in self.message_fields:
                having = [other.name for other in others if name in other.message_fields]
                raise self._lacks(f"the message field `{place}.{cut(name)}`", having)
            _hold(f"{place}.{name}", value, self.message_fields[name])
        content = message.content
        if isinstance(content, list):
            self._check_parts(f"{place}.content", content, others)
        elif content is None and not self.null_content:
            having = [other.name for other in others if other.null_content]
            raise self._lacks(f"a message without content (`{place}.content`)", having)
        elif not isinstance(content, str | None):
            raise InvalidRequest(f"`{place}.content` must be text, a list of parts, or null")

    def _check_parts(self, place: str, parts: list[Json], others: tuple["Dialect", ...]) -> None:
        if not self.content_parts and not parts:
            having = [other.name for other in others if other.content_parts]
            raise self._lacks(f"content in parts (`{place}`)", having)
        for number, part in enumerate(parts):
            kind = part.get("type") if isinstance(part, dict) else None
            if not isinstance(kind, str):
                raise InvalidRequest(f"`{place}.{number}` must be an object with a `type`")
            if kind not in self.content_parts:
                having = [other.name for other in others if kind in other.content_parts]
                raise self._lacks(f"content of type `{cut(kind)}` (`{place}.{number}`)", having)
            _hold(f"{place}.{number}", part, self.content_parts[kind])

    def _lacks(self, what: str, having: list[str], hint: str = "") -> Unsupported:
        if not having:
            return Unsupported(
                f"{self.name} does not document {what}, and no other API does",
                advice="Leave it out.",
            )
        return Unsupported(
            f"{self.name} does not document {what}",
            advice=f"Leave it out, or choose a model of another API: {', '.join(having)}.{hint}",
        )


def _hold(place: str, value: Json, check: Check) -> None:
    if rule := check(value):
        raise InvalidRequest(f"`{place}` must be {rule}, not {quoted(value)}")
