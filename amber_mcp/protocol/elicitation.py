"""How a question gets to the user and the answer back: in each protocol era its own way.

Until 2025-11-25 the server asks the host in mid-call. From 2026-07-28 on, the call ends with the
question, and the host makes the same call again with the answer. The SDK does both for its
high-level server alone (`Resolve`), and breaks the call off where the host cannot ask.

What a repeated call carries is as foreign as its arguments, and gives no more power than they do:
an answer counts only where its question comes up again, and only if it is one of the choices. So
`requestState`, which brings back what was answered in earlier rounds, needs no seal, and any
replica can go on.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CallToolRequestParams,
    ClientCapabilities,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    InputResponse,
    RequestId,
)
from pydantic import TypeAdapter, ValidationError

logger = logging.getLogger(__name__)

_ROUNDS_SINCE = "2026-07-28"
_ANSWERS = TypeAdapter(dict[str, str])
_MOST_STATE_CHARS = 10_000


@dataclass(frozen=True)
class Question:
    """Which of the `choices` the user means; `name` says what they are, as in "agent"."""

    name: str
    text: str
    choices: tuple[str, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """The form: one field, which has to be one of the choices."""
        field = {"type": "string", "title": self.name.capitalize(), "enum": list(self.choices)}
        return {"type": "object", "properties": {self.name: field}, "required": [self.name]}


class CannotAskError(Exception):
    """Nobody is there to be asked, too much is asked already, or the host failed to ask."""


class InputRequiredError(Exception):
    """A call ends here, and is to be made again with the answer to a question."""

    def __init__(self, question: Question, result: InputRequiredResult) -> None:
        super().__init__(question.text)
        self.result = result


class User(Protocol):
    """Whoever sits before the host."""

    def has_answered(self, name: str, /) -> bool:
        """Whether this call brings an answer to a question of that name."""
        ...

    async def ask(self, question: Question, /) -> ElicitResult:
        """What the host answers, which may be anything.

        Raises:
            CannotAskError: if the host does not ask.
            InputRequiredError: if the host is to ask between this call and the next.
        """
        ...


def user_for(context: ServerRequestContext[Any], params: CallToolRequestParams) -> User:
    """The user behind a call, as far as its host lets them be asked."""
    session = context.session
    if not _has_forms(session.client_capabilities):
        return Nobody()
    if context.protocol_version >= _ROUNDS_SINCE:
        return _BetweenCalls(params.input_responses or {}, _earlier(params.request_state))
    if context.request_id is None or not session.can_send_request:
        return Nobody()
    return _InMidCall(session, context.request_id)


def _has_forms(capabilities: ClientCapabilities | None) -> bool:
    """Whether the host shows forms: those that name no mode are older than the other mode."""
    asks = capabilities and capabilities.elicitation
    return bool(asks and (asks.form is not None or asks.url is None))


def _earlier(state: str | None) -> dict[str, str]:
    if not state or len(state) > _MOST_STATE_CHARS:
        return {}
    try:
        return _ANSWERS.validate_json(state, strict=True)
    except ValidationError:
        return {}


class Nobody:
    """The host has no forms, or the transport has no way back to it."""

    def has_answered(self, _: str, /) -> bool:
        return False

    async def ask(self, _: Question, /) -> ElicitResult:
        raise CannotAskError


@dataclass(frozen=True)
class _InMidCall:
    session: ServerSession
    request_id: RequestId

    def has_answered(self, _: str, /) -> bool:
        return False

    async def ask(self, question: Question, /) -> ElicitResult:
        try:
            return await self.session.elicit_form(question.text, question.schema, self.request_id)
        except (MCPError, ValidationError) as error:
            logger.warning("the host did not ask", extra={"cause": type(error).__name__})
            raise CannotAskError from None


@dataclass(frozen=True)
class _BetweenCalls:
    responses: Mapping[str, InputResponse]
    answered: dict[str, str]

    def has_answered(self, name: str, /) -> bool:
        return name in self.responses or name in self.answered

    async def ask(self, question: Question, /) -> ElicitResult:
        name = question.name
        response = self.responses.get(name)
        if response is None and name in self.answered:
            return ElicitResult(action="accept", content={name: self.answered[name]})
        if response is None:
            form = ElicitRequestFormParams(message=question.text, requested_schema=question.schema)
            state = json.dumps(self.answered) if self.answered else None
            raise InputRequiredError(
                question,
                InputRequiredResult(
                    input_requests={name: ElicitRequest(params=form)}, request_state=state
                ),
            )
        if not isinstance(response, ElicitResult):
            return ElicitResult(action="accept")
        answer = (response.content or {}).get(name)
        if response.action == "accept" and isinstance(answer, str):
            self.answered[name] = answer
        return response
