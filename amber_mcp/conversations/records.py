"""Conversations: amber keeps none, so that each question carries the turns before it.

A conversation is the list of its finished turns; what holds for all of it (language, files, …) is
read off them. A turn is added whole when its answer is there: of two questions asked at once, both
are answered from what was finished before, and stand in the order in which their answers came.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from amber_mcp.errors import NotFound
from amber_mcp.storage.base import Key, Store, validating

Origin = Literal["company", "web"]


class Turn(BaseModel):
    """One question and its answer, with what was asked for beside it.

    `origin` is `web` where nothing but the web was searched, and nothing from the company was sent.
    """

    model_config = ConfigDict(frozen=True)

    question: str
    answer: str
    origin: Origin
    language: str = ""
    instructions: str = ""
    agent: str = ""
    file_ids: tuple[str, ...] = ()
    answered_at: datetime | None = None


@dataclass(frozen=True)
class Conversation:
    """What a new question goes on from. `dropped` counts the oldest turns, which did not fit."""

    turns: Sequence[Turn] = ()
    dropped: int = 0

    @property
    def language(self) -> str:
        """The language that was asked for last."""
        return self._last("language")

    @property
    def instructions(self) -> str:
        """The instructions that were given last."""
        return self._last("instructions")

    @property
    def agent(self) -> str:
        """The id of the agent that worked last."""
        return self._last("agent")

    @property
    def file_ids(self) -> tuple[str, ...]:
        """All files, in the order in which they came: amber takes them with each request."""
        return tuple(dict.fromkeys(file_id for turn in self.turns for file_id in turn.file_ids))

    @property
    def is_of_the_web_alone(self) -> bool:
        """Whether nothing from the company is in it."""
        return all(turn.origin == "web" for turn in self.turns)

    def from_the_web(self) -> "Conversation":
        """The part of it that came from the web."""
        return Conversation([turn for turn in self.turns if turn.origin == "web"])

    def within(self, max_chars: int) -> "Conversation":
        """Its latest turns that have at most `max_chars` characters together.

        What holds for the whole conversation is read off all turns: ask for it before.
        """
        left = max_chars
        latest: list[Turn] = []
        for turn in reversed(self.turns):
            left -= len(turn.question) + len(turn.answer)
            if left < 0:
                break
            latest.insert(0, turn)
        return Conversation(latest, len(self.turns) - len(latest))

    def _last(self, name: str) -> str:
        values = (str(getattr(turn, name)) for turn in reversed(self.turns))
        return next(filter(None, values), "")


class Conversations:
    """The conversations of all callers in a store."""

    def __init__(self, store: Store, *, ttl: float) -> None:
        self._store = store
        self._ttl = ttl

    async def load(self, caller: str, conversation_id: str) -> Conversation:
        """A conversation of the caller's.

        Raises:
            NotFound: if there is none, or none any more.
            InvalidRecord: if another version saved it.
        """
        turns = await self._store.items(Key("conversation", caller, conversation_id))
        if not turns:
            raise _ended(conversation_id)
        with validating(f"the conversation {conversation_id[:80]!r}"):
            return Conversation([Turn.model_validate(turn) for turn in turns])

    async def add(self, caller: str, conversation_id: str, turn: Turn, *, is_new: bool) -> None:
        """Add a finished turn.

        One that goes on with a conversation that has ended meanwhile is not added: what expired
        does not come back, and the turn alone would pass for the whole of it.

        Args:
            is_new: whether the turn begins the conversation.

        Raises:
            NotFound: if it begins none, and there is none any more.
        """
        is_added = await self._store.append(
            Key("conversation", caller, conversation_id),
            turn.model_dump(mode="json", exclude_defaults=True),
            ttl=self._ttl,
            create=is_new,
        )
        if not is_added:
            raise _ended(conversation_id)


def _ended(conversation_id: str) -> NotFound:
    return NotFound(
        f"there is no conversation {conversation_id[:80]!r}, or not any more",
        advice="Leave `conversation_id` empty to begin a new one, and repeat the context "
        "that the question needs.",
    )
