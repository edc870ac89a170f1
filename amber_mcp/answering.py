"""One question, run: the pieces of an answer are gathered, reported as they come, and bounded."""

import math
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, cast

import anyio
import anyio.to_thread

from .api.accumulator import CompletionAccumulator
from .api.citing import with_sources
from .api.sources import MAX_SOURCES, Found, found_in
from .api.types import ChatApi, ChatDelta, ChatRequest, Entry, Json, Source, Usage
from .errors import MAY_BE_TAKEN, AmberError, UpstreamTimeout
from .text.json_values import well_formed
from .text.redaction import TRUNCATED, remove_partial_secrets
from .text.sanitise import answer_text, as_name
from .text.thinking import Thinking

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_MAX_NAME_CHARS = 80


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer; `truncated` tells that `text` was cut at the limit."""

    text: str
    model: str
    finish_reason: str
    usage: Usage | None
    sources: tuple[Source, ...]
    truncated: bool
    elapsed_seconds: float
    completion_id: str

    @property
    def notes(self) -> list[str]:
        """What a reader should know of the answer that its text does not say."""
        notes = [] if self.text else ["amber gave an empty answer"]
        if self.finish_reason not in ("", "stop"):
            notes.append(f"amber ended this answer early: {self.finish_reason}")
        return notes


async def answer(
    api: ChatApi,
    request: ChatRequest,
    *,
    on_text: Callable[[str], None],
    max_chars: int = 10_000_000,
    timeout: float = math.inf,
    secrets: tuple[str, ...] = (),
) -> Answer:
    """Ask `api`, hand each piece of text to `on_text`, and return the whole.

    Args:
        on_text: called as text arrives; must return at once.
        max_chars: where the answer is cut.
        timeout: seconds for all of it.
        secrets: of these, no beginning stays at the end of an answer that was cut or broke off.

    Raises:
        UpstreamTimeout: after `timeout` seconds.
        StreamBroken: if the connection or the stream ends early, after some text had arrived.
        AmberError: of any other kind that the API reports. Each keeps the text so far in `partial`.
    """
    answering = _Answering(max_chars, secrets)
    started = time.monotonic()

    def on_delta(delta: ChatDelta) -> None:
        if piece := answering.add(delta):
            on_text(well_formed(piece))

    try:
        await _ask(api, request, on_delta, timeout)
    except AmberError as error:
        error.request_id = error.request_id or answering.completion_id
        error.partial = answering.partial
        raise
    seconds = round(time.monotonic() - started, 1)
    return await anyio.to_thread.run_sync(
        partial(answering.answer, request, seconds, is_local=api.is_local),
        abandon_on_cancel=True,
        limiter=api.cpu_work,
    )


async def complete(
    api: ChatApi, request: ChatRequest, *, on_text: Callable[[str], None], timeout: float
) -> dict[str, Json]:
    """Ask `api`, and return all that it says, as the body of an answer that was not streamed.

    Raises:
        AmberError: as `answer` does.
    """
    gathered = CompletionAccumulator()
    pieces: list[str] = []

    def on_delta(delta: ChatDelta) -> None:
        gathered.add(delta.chunk)
        if delta.text:
            pieces.append(delta.text)
            on_text(delta.text)

    try:
        await _ask(api, request, on_delta, timeout)
    except AmberError as error:
        error.partial = well_formed("".join(pieces))
        raise
    if not gathered.is_large:
        return gathered.body()
    return await anyio.to_thread.run_sync(gathered.body, limiter=api.cpu_work)


async def _ask(
    api: ChatApi, request: ChatRequest, on_delta: Callable[[ChatDelta], None], timeout: float
) -> None:
    """Hand each piece of the answer to `on_delta`, within `timeout` seconds."""
    try:
        with anyio.fail_after(timeout):
            deltas = cast("AsyncGenerator[ChatDelta]", api.chat(request))
            async with aclosing(deltas):
                async for delta in deltas:
                    on_delta(delta)
    except TimeoutError:
        raise UpstreamTimeout(
            "the answer took longer than this call may take",
            advice="Ask something narrower, or raise AMBER_CALL_TIMEOUT, "
            "up to just below your assistant's own limit for a tool call."
            if api.is_repeatable(request)
            else MAY_BE_TAKEN,
        ) from None


@dataclass
class _Answering:
    max_chars: int
    secrets: tuple[str, ...]
    _pieces: list[str] = field(default_factory=list)
    _length: int = 0
    _last: ChatDelta = field(default_factory=ChatDelta)
    _entries: tuple[Entry, ...] = ()
    _listed: list[Found] = field(default_factory=list)
    _thinking: Thinking = field(default_factory=Thinking)

    @property
    def text(self) -> str:
        return answer_text("".join(self._pieces) + self._thinking.rest)

    @property
    def completion_id(self) -> str:
        """The id that the API gave to what it says."""
        return self._last.completion_id

    @property
    def partial(self) -> str:
        """The text so far, and whether it was cut."""
        text = remove_partial_secrets(self.text, *self.secrets)
        return text + (TRUNCATED if self._length > self.max_chars else "")

    def add(self, delta: ChatDelta) -> str:
        """Take in a delta, and return what of its text is within the limit."""
        text = self._thinking.removed(delta.text) or delta.refusal
        piece = text[: max(0, self.max_chars - self._length)]
        self._length += len(text)
        self._pieces.append(piece)
        # A stream may tell the same sources in each of its pieces.
        if delta.entries and delta.entries != self._entries:
            self._entries = delta.entries
            self._listed += islice(found_in(delta.entries), MAX_SOURCES - len(self._listed))
        self._last = ChatDelta(
            model=delta.model or self._last.model,
            finish_reason=delta.finish_reason or self._last.finish_reason,
            usage=delta.usage or self._last.usage,
            completion_id=delta.completion_id or self._last.completion_id,
        )
        return piece

    def answer(self, request: ChatRequest, elapsed_seconds: float, *, is_local: bool) -> Answer:
        truncated = self._length > self.max_chars
        text = remove_partial_secrets(self.text, *self.secrets) if truncated else self.text
        text, sources = with_sources(text, self._listed, is_cut=truncated, is_local=is_local)
        text = answer_text(text)  # Without its marks, its parts may have become something else.
        return Answer(
            text=text,
            model=as_name(self._last.model, max_chars=_MAX_NAME_CHARS) or request.model,
            finish_reason=as_name(self._last.finish_reason, max_chars=_MAX_NAME_CHARS),
            usage=self._last.usage,
            sources=sources,
            truncated=truncated,
            elapsed_seconds=elapsed_seconds,
            completion_id=self.completion_id,
        )
