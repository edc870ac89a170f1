"""A run, as it is read from its record and its events."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, JsonValue

Status = Literal["running", "completed", "failed", "stopped", "lost"]


class RunSpec(BaseModel):
    """What a run is asked to do.

    `started` is in seconds since 1970; equal tasks have the same `fingerprint`; `conversation_id`
    is empty where the task begins a conversation.
    """

    model_config = ConfigDict(frozen=True)

    agent: str
    task: str
    fingerprint: str
    started: float
    conversation_id: str = ""


@dataclass
class Run:
    """A run, as far as its events have been read.

    `position` is how many those are. `result` comes with the end: the fields of the answer, or what
    went wrong. `has_lease` tells whether a process is at work on it.
    """

    id: str
    spec: RunSpec
    text: str = ""
    progress: str = ""
    result: Mapping[str, JsonValue] = field(default_factory=dict)
    position: int = 0
    has_lease: bool = True
    _end: Status | None = None
    _ended: float = 0.0
    _last_event_after: float = 0.0

    @property
    def status(self) -> Status:
        """How it ended, or whether it goes on."""
        return self._end or ("running" if self.has_lease else "lost")

    @property
    def has_ended(self) -> bool:
        """Whether its end was saved."""
        return self._end is not None

    @property
    def elapsed_seconds(self) -> float:
        """From the start to the end, or to now; of a lost run to the last text that was saved."""
        if self.status == "lost" and not self._end:
            return self._last_event_after
        ended = self._ended if self._end else time.time()
        return round(max(0.0, ended - self.spec.started), 1)

    def apply(self, events: Sequence[JsonValue]) -> None:
        """Take in the events that follow those that were read.

        Raises:
            ValueError: if one of them is none that a run has.
        """
        self.position += len(events)
        for event in events:
            match event:
                # Each text says where it begins: what was appended twice stands once.
                case {"text": str(text), "at": int(at), "after": float() | int() as after}:
                    self.text = self.text[:at] + text
                    self._last_event_after = after
                case {"progress": str(progress)}:
                    self.progress = progress
                case {"status": str(status), "ended": float() | int() as ended, **rest}:
                    if self._end is None:
                        self._end, self._ended = cast("Status", status), ended
                        self.result = cast("Mapping[str, JsonValue]", rest.get("result") or {})
                case _:
                    raise ValueError("a run has an event that no run should have")
