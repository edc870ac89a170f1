"""A run of this process: its work, and what goes on beside it."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import anyio
from pydantic import JsonValue

from amber_mcp.config.settings import Settings
from amber_mcp.errors import AmberError, InternalError, UpstreamTimeout, describe
from amber_mcp.http.retry import reporting_waits
from amber_mcp.process import background_tasks
from amber_mcp.storage.base import new_id
from amber_mcp.text.json_values import well_formed, well_formed_json
from amber_mcp.text.redaction import distinct_secrets, redact, remove_secrets_in_json

from .event_log import EventLog
from .records import HEARTBEAT_SECONDS, Runs
from .run import RunSpec, Status

logger = logging.getLogger(__name__)

Work = Callable[[Callable[[str], None]], Awaitable[Mapping[str, JsonValue]]]
"""What a run does: it hands on each piece of text, and returns the fields of its result."""

_SECONDS_BETWEEN_SAVES = 0.5
_SECONDS_TO_LEAVE = 0.4


@dataclass(frozen=True)
class _End:
    status: Status
    result: Mapping[str, JsonValue] = field(default_factory=dict)


class RunTask:
    """A run that this process works on.

    `status` tells how the work has ended before the store knows it. Nothing that fails comes out:
    what fails in the work is the run's end, and what the store does not take is logged and saved
    later.
    """

    def __init__(
        self, caller: str, runs: Runs, spec: RunSpec, work: Work, settings: Settings
    ) -> None:
        self.id = new_id("run")
        self.caller = caller
        self.runs = runs
        self.spec = spec
        self.status: Status = "running"
        self._work = work
        self._settings = settings
        self._secrets = distinct_secrets(settings.keys)
        self._stopping = anyio.CancelScope()
        self._events = EventLog(self.id, spec, settings.max_answer_chars, self._secrets)
        self._failures: set[str] = set()

    def stop(self) -> None:
        """End the work."""
        self._stopping.cancel()

    async def run(self) -> None:
        """Do the work and save its end: `lost`, if it is cancelled since the process ends."""
        end = _End("lost")
        is_saved = False
        try:
            async with background_tasks() as tasks:
                tasks.start_soon(self._send_heartbeats)
                tasks.start_soon(self._save_events)
                end = await self._do_work()
                self.status = end.status
            # As long as anybody could read it.
            with anyio.move_on_after(self._settings.state_ttl.run):
                is_saved = await self._save_end(end)
                while not is_saved:
                    await anyio.sleep(_SECONDS_BETWEEN_SAVES)
                    await self._send_heartbeat()
                    is_saved = await self._save_end(end)
        finally:
            if not is_saved:
                with anyio.move_on_after(_SECONDS_TO_LEAVE, shield=True):
                    is_saved = await self._save_end(end)
            level = logging.INFO if is_saved else logging.ERROR
            logger.log(level, "run", extra={"run": self.id, "outcome": end.status})

    async def _send_heartbeats(self) -> None:
        while True:
            await anyio.sleep(HEARTBEAT_SECONDS)
            await self._send_heartbeat()

    async def _send_heartbeat(self) -> None:
        """Renew the lease, and stop if somebody has asked for it in the store."""
        try:
            if await self.runs.renew(self.id, self.spec):
                self.stop()
        except Exception as error:  # noqa: BLE001  # the work goes on
            self._log_failure("lease not renewed", error)

    async def _save_events(self) -> None:
        while True:
            await self._events.changed()
            try:
                await self._events.save(self.runs)
            except Exception as error:  # noqa: BLE001  # saved with what follows
                self._log_failure("events not saved", error)
            await anyio.sleep(_SECONDS_BETWEEN_SAVES)

    async def _save_end(self, end: _End) -> bool:
        try:
            await self._events.save(self.runs, is_last=True)
            await self.runs.end(self.id, self.spec, end.status, end.result)
        except Exception as error:  # noqa: BLE001  # saved later, or logged as lost
            self._log_failure("end not saved", error)
            return False
        return True

    def _log_failure(self, event: str, error: Exception) -> None:
        """Log the first failure of a kind; the others until the end of the run are the same."""
        if event in self._failures:
            return
        self._failures.add(event)
        if isinstance(error, AmberError):
            logger.warning(event, extra={"run": self.id, "cause": error.message})
        else:
            logger.error(event, extra={"run": self.id}, exc_info=error)

    async def _do_work(self) -> _End:
        """How the work ended, whatever happened in it."""
        limit = self._settings.run_timeout
        try:
            with (
                anyio.move_on_after(limit) as within,
                self._stopping,
                reporting_waits(self._events.set_progress),
            ):
                result = dict(await self._work(self._events.add_text))
                clean = well_formed_json(remove_secrets_in_json(result, *self._secrets))
                assert isinstance(clean, dict)  # noqa: S101  # as the result was
                return _End("completed", clean)
        except AmberError as error:
            return self._failed(error)
        except Exception as error:
            logger.exception("run failed unexpectedly", extra={"run": self.id})
            kind = type(error).__name__
            return self._failed(
                InternalError(f"the run failed with {kind}; the log has the details")
            )
        if not within.cancelled_caught:
            return _End("stopped")
        return self._failed(
            UpstreamTimeout(
                f"the run took longer than AMBER_RUN_TIMEOUT allows ({limit:g} s)",
                advice="It may have acted all the same. Give the agent a smaller task, or raise "
                "AMBER_RUN_TIMEOUT.",
            )
        )

    def _failed(self, failure: AmberError) -> _End:
        secrets = self._settings.secrets
        failure.partial = ""  # The events have the text.
        words = describe(failure, max_upstream_chars=self._settings.max_error_chars)
        result: dict[str, JsonValue] = {"error": well_formed(redact(words, *secrets))}
        if failure.status is not None:  # It was refused: nothing was done.
            result["refusal"] = well_formed(redact(failure.upstream, *secrets))
        return _End("failed", result)
