"""Any sequence of calls leads to the same in each home as in a model of a few lines."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from amber_mcp.storage.base import Key
from tests.storage.places import Place, place_named

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
NUMBERS = st.integers() | st.floats(allow_nan=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
KEYS = st.tuples(st.sampled_from(["run", "lease"]), st.sampled_from("ab"), st.sampled_from("12"))
SOON, LATE = 10.0, 100.0
TTLS = st.sampled_from([SOON, LATE])


@st.composite
def steps(draw: DrawFn, *, with_time: bool) -> list[tuple[str, Any, Any, float]]:
    names = ["add", "put", "append", "append", "go on", "delete", "later"]
    return [
        (name, draw(KEYS), draw(st.lists(VALUES, max_size=3)), draw(TTLS))
        for name in draw(st.lists(st.sampled_from(names[: None if with_time else -1]), max_size=15))
    ]


class Model:
    """What a home is to do, without a thought for anything else."""

    def __init__(self) -> None:
        self.now = 0.0
        self.writes = 0
        self.records: dict[Any, tuple[float, int, Any]] = {}
        self.lists: dict[Any, tuple[float, int, list[Any]]] = {}

    def record(self, key: Any) -> Any:
        until, _, value = self.records.get(key, (0.0, 0, None))
        return value if until > self.now else None

    def has_record(self, key: Any) -> bool:
        return key in self.records and self.records[key][0] > self.now

    def items(self, key: Any) -> list[Any]:
        until, _, items = self.lists.get(key, (0.0, 0, []))
        return items if until > self.now else []

    def put(self, key: Any, value: Any, ttl: float) -> None:
        self.writes += 1
        self.records[key] = (self.now + ttl, self.writes, value)

    def append(self, key: Any, values: list[Any], ttl: float) -> None:
        if values:
            self.writes += 1
            self.lists[key] = (self.now + ttl, self.writes, [*self.items(key), *values])

    def delete(self, key: Any) -> None:
        self.records.pop(key, None)
        self.lists.pop(key, None)

    def ids(self, kind: str, caller: str) -> list[str]:
        written: dict[str, int] = {}
        for kept in (self.records, self.lists):
            for key, (until, write, _) in kept.items():
                if key[:2] == (kind, caller) and until > self.now:
                    written[key[2]] = max(write, written.get(key[2], 0))
        return sorted(written, key=lambda each: -written[each])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("model")


@pytest.mark.parametrize("name", ["memory", "sqlite", "redis"])
def test_each_home_does_as_the_model_does(
    name: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    place = place_named(name, request, folder)

    # Redis has a clock of its own, which nobody turns.
    @settings(
        max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(steps(with_time=name != "redis"))
    def compare(chosen: list[tuple[str, Any, Any, float]]) -> None:
        anyio.run(same, place, chosen)

    # In a thread of its own: this one may have an event loop, which other tests' fixtures use.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(compare).result()


async def same(place: Place, chosen: list[tuple[str, Any, Any, float]]) -> None:
    model = Model()
    mark = secrets.token_urlsafe(4)
    with anyio.fail_after(20):
        async with place.open() as store:
            for name, given_key, values, ttl in chosen:
                key = Key(given_key[0], mark + given_key[1], given_key[2])
                value = values[0] if values else "record"
                match name:
                    case "add":
                        is_new = not model.has_record(given_key)
                        assert await store.add(key, value, ttl=ttl) is is_new
                        if is_new:
                            model.put(given_key, value, ttl)
                    case "put":
                        await store.put(key, value, ttl=ttl)
                        model.put(given_key, value, ttl)
                    case "append":
                        await store.append(key, *values, ttl=ttl)
                        model.append(given_key, values, ttl)
                    case "go on":
                        is_there = bool(model.items(given_key))
                        added = await store.append(key, value, ttl=ttl, create=False)
                        assert added is is_there
                        if is_there:
                            model.append(given_key, [value], ttl)
                    case "delete":
                        await store.delete(key)
                        model.delete(given_key)
                    case _:
                        model.now += SOON
                        await place.later(SOON)
                assert await store.get(key) == model.record(given_key)
                assert await store.items(key) == model.items(given_key)
                assert await store.items(key, 1) == model.items(given_key)[1:]
                assert await store.ids(key.kind, key.caller) == model.ids(*given_key[:2])
