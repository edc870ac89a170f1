"""The clock of a call: it runs, stands still while the user thinks, and runs on."""

import anyio
import pytest

from amber_mcp.protocol.call import CallTimer


async def test_a_stopped_clock_ends_nothing_and_runs_on_afterwards() -> None:
    clock = CallTimer()
    with pytest.raises(TimeoutError), anyio.fail_after(10):
        with clock.fail_after(0.2):
            with clock.stopped():
                await anyio.sleep(0.5)
            assert clock.elapsed < 0.4
            await anyio.sleep(5)
    assert 0.15 < clock.elapsed < 4


async def test_a_clock_without_a_limit_can_be_stopped_too() -> None:
    clock = CallTimer()
    with clock.stopped():
        await anyio.sleep(0.3)
    assert clock.elapsed < 0.2


async def test_the_clock_runs_on_when_what_it_waited_for_fails() -> None:
    clock = CallTimer()
    with pytest.raises(TimeoutError), clock.fail_after(0.2):
        with pytest.raises(ValueError, match="x"), clock.stopped():
            raise ValueError("x")
        await anyio.sleep(5)
