"""The models that an API lists: one request for all who wait, in success and in failure."""

from collections.abc import Sequence

import anyio
import pytest

from amber_mcp.api import model_cache
from amber_mcp.api.model_cache import ModelCache
from amber_mcp.api.types import Model
from amber_mcp.errors import AmberError, NotConfigured, NotFound, UpstreamError

ONE, TWO = (Model(model_id, "amber", ()) for model_id in ("one", "two"))


class Tenant:
    """Answers in turn with lists and errors, each of them when others have come to wait for it."""

    def __init__(self, *answers: Sequence[Model] | AmberError) -> None:
        self.answers = list(answers)

    async def __call__(self) -> tuple[Model, ...]:
        await anyio.wait_all_tasks_blocked()
        answer = self.answers.pop(0)
        if isinstance(answer, AmberError):
            raise answer
        return tuple(answer)


async def asked_at_once(cache: ModelCache) -> list[object]:
    outcomes: list[object] = []

    async def ask() -> None:
        try:
            outcomes.append(await cache.first())
        except AmberError as error:
            outcomes.append(error)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(ask)
    return outcomes


async def test_one_answer_serves_all_who_wait_for_it() -> None:
    failed = UpstreamError("down")
    tenant = Tenant(failed, [ONE, TWO])
    cache = ModelCache(tenant)
    assert await asked_at_once(cache) == [failed] * 8
    assert await asked_at_once(cache) == ["one"] * 8
    assert tenant.answers == []


async def test_the_first_stays_the_same_though_the_list_is_asked_for_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model_cache, "_MAX_AGE_SECONDS", 0)
    cache = ModelCache(Tenant([ONE], [TWO]))
    assert await cache.first() == "one"
    assert await cache.models() == (TWO,)
    assert await cache.first() == "one"


async def test_where_no_model_is_listed_there_is_no_first() -> None:
    with pytest.raises(NotConfigured, match="AMBER_MODEL is not set"):
        await ModelCache(Tenant([])).first()


@pytest.mark.parametrize("status", [404, 501])
async def test_where_models_are_not_listed_the_setting_is_named(status: int) -> None:
    cache = ModelCache(Tenant(NotFound("the API failed", status=status)))
    with pytest.raises(NotConfigured, match=f"HTTP {status}.*AMBER_MODEL") as error:
        await cache.first()
    assert "AMBER_MODEL" in error.value.next_step


async def test_the_first_is_chosen_anew_in_time_and_outlasts_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model_cache, "_MAX_AGE_SECONDS", 0)
    monkeypatch.setattr(model_cache, "_MAX_FIRST_SECONDS", 0)
    cache = ModelCache(Tenant([ONE], UpstreamError("down"), NotFound("no", status=404), [TWO]))
    assert [await cache.first() for _ in range(4)] == ["one", "one", "one", "two"]
