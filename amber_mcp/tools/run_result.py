"""The result of `run_agent`: how far a run is, and waiting for it as long as a call may."""

from collections.abc import Mapping
from contextlib import suppress

import anyio

from amber_mcp.config.settings import Settings
from amber_mcp.errors import AmberError
from amber_mcp.protocol.call import Call
from amber_mcp.runs.records import Runs
from amber_mcp.runs.run import Run, Status
from amber_mcp.storage.base import validating
from amber_mcp.text.sanitise import answer_text

from .answer_result import AnswerResult

_MARGIN_SECONDS = 0.5
_WHAT_TO_DO: Mapping[Status, str] = {
    "running": "Call run_agent with this run_id alone to wait for the rest, as often as it takes; "
    "with `stop` as well to end it.",
    "stopped": "What the agent has done by then stays done.",
    "lost": "The server that carried this run ended, or is out of reach. The agent may have "
    "acted: look what was done before you begin the task anew, with `agent` and `task`.",
}


class RunResult(AnswerResult):
    """How far an agent is, and what it has brought so far, or in the end."""

    status: Status
    run_id: str
    agent: str
    elapsed_seconds: float
    error: str = ""
    repeated: bool = False

    def as_text(self) -> str:
        """The answer, or what there is of it, and how the run stands."""
        parts = [super().as_text()] if self.status == "completed" else self._unfinished()
        stands = "at work for" if self.status == "running" else f"{self.status} after"
        last = f"Agent {self.agent}: {stands} {self.elapsed_seconds:g} s"
        if self.repeated:
            last += (
                "\n[The same task was given shortly before: this is its answer, and the agent did "
                "not work again. To have it work again, word the task otherwise.]"
            )
        if self.status != "completed":
            last += f"\nrun_id: {self.run_id}"
        between = "\n" if self.status == "completed" else "\n\n"
        return between.join(["\n\n".join(parts), last])

    @property
    def failure(self) -> str:
        """The kind of the error of a run that failed, or that is lost."""
        return self.error.partition(":")[0] or ("lost" if self.status == "lost" else "")

    def _unfinished(self) -> list[str]:
        parts = [self.error] if self.error else [f"{self.status}: {_WHAT_TO_DO[self.status]}"]
        if self.answer:
            parts.append(f"The answer so far, which may be incomplete:\n\n{self.answer}")
        return parts


async def wait_for_run(call: Call, runs: Runs, run: Run) -> RunResult:
    """Wait for a run until it ends, or until just before the call has to.

    Raises:
        StorageUnavailable: if the state is out of order; the run goes on.
    """
    limit = call.app.settings.call_timeout
    margin = min(_MARGIN_SECONDS, limit / 10)
    try:
        # Not by one look alone: the heartbeat may be late.
        is_doubtful = run.status == "lost" and not run.has_ended
        run.has_lease = run.has_lease or is_doubtful
        with anyio.move_on_after(call.seconds_left - margin):
            while run.status == "running":
                call.progress.note(_progress_of(run))
                await runs.wait(run)
        if is_doubtful and run.status == "running":
            await runs.read(run)
    except AmberError as error:
        error.next_step += f" The run goes on: call run_agent with run_id {run.id} alone."
        raise
    if run.status == "completed":
        with anyio.move_on_after(margin), suppress(AmberError):
            await runs.mark_returned(run)
    return run_result(run, call.app.settings)


def run_result(run: Run, settings: Settings) -> RunResult:
    """The result for a run as far as it has been read.

    Raises:
        InvalidRecord: if another version saved its end.
    """
    with validating(f"the run {run.id[:80]!r}"):
        return RunResult.model_validate(
            {
                "answer": answer_text(run.text),
                "sources": [],
                "model": "",
                "conversation_id": run.spec.conversation_id,
                "truncated": len(run.text) >= settings.max_answer_chars,
                **run.result,
                "status": run.status,
                "run_id": run.id,
                "agent": run.spec.agent,
                "elapsed_seconds": run.elapsed_seconds,
            }
        )


def _progress_of(run: Run) -> str:
    at_work = f"The agent {run.spec.agent} is at work"
    if run.text:
        return f"{at_work}: {len(run.text)} characters so far"
    return run.progress or at_work
