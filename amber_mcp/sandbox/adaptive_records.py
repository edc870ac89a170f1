"""Records of Adaptive: completions that feedback can speak of, sessions, and the feedback."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID, uuid4

from .adaptive_bodies import ChatRequest, Comparison, Outcome

_MOST = 10_000

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion that is stored: its text, its model, and how it was labelled."""

    text: str
    model: str
    session: UUID
    user: UUID | None
    labels: dict[str, str]
    tags: tuple[str, ...]


class Records:
    """What is stored, the newest of each kind."""

    def __init__(self) -> None:
        self.completions: OrderedDict[UUID, Completion] = OrderedDict()
        self.sessions: OrderedDict[UUID, None] = OrderedDict()
        self.feedback: OrderedDict[UUID, Outcome | Comparison] = OrderedDict()

    def add_session(self, session: UUID) -> None:
        """Remember that a session was."""
        self.sessions[session] = None
        _shorten(self.sessions)

    def add_completion(self, asked: ChatRequest, session: UUID, model: str, text: str) -> UUID:
        """The id of a new completion, which is stored unless the request says not to."""
        number = uuid4()
        if asked.store is not False:
            labels = asked.labels or asked.metadata
            self.completions[number] = Completion(
                text, model, session, asked.user, labels, tuple(asked.tags or ())
            )
            _shorten(self.completions)
        return number

    def add_feedback(self, given: Outcome | Comparison) -> UUID:
        """The id of a new outcome or comparison."""
        number = uuid4()
        self.feedback[number] = given
        _shorten(self.feedback)
        return number


def _shorten(records: OrderedDict[UUID, Value]) -> None:
    while len(records) > _MOST:
        records.popitem(last=False)
