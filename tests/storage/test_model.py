"""Any sequence of calls leads to the same in each backend as in a model of a few lines."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, example, given, settings
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
A, B = ("run", "a", "1"), ("run", "a", "2")
TTLS = st.sampled_from([SOON, LATE])

# Every call where there is nothing, where there is something, and where it was deleted.
EACH = [
    (name, key, [number, [number]], LATE)
    for number, key in enumerate([A, A, B, ("run", "b", "1"), ("lease", "a", "1")])
    for name in ("go on", "add", "go on", "append", "add", "put", "append", "go on")
]
AGAIN = [("delete", A, [], LATE), *EACH, ("add", B, ["there already"], LATE)]


@st.composite
def steps(draw: DrawFn, *, with_time: bool) -> list[tuple[str, Any, Any, float]]:
    names = ["add", "put", "append", "append", "go on", "delete", "later"]
    return [
        (name, draw(KEYS), draw(st.lists(VALUES, max_size=3)), draw(TTLS))
        for name in draw(st.lists(st.sampled_from(names[: None if with_time else -1]), max_size=15))
    ]


@dataclass
class Entry:
    expires: float = 0.0
    written: int = 0
    records: list[Any] = field(default_factory=list)  # one or none
    items: list[Any] = field(default_factory=list)


class Model:
    """What a backend is to do, without a thought for anything else."""

    def __init__(self) -> None:
        self.now = 0.0
        self.writes = 0
        self.entries: dict[Any, Entry] = {}

    def entry(self, key: Any) -> Entry:
        entry = self.entries.get(key, Entry())
        return entry if entry.expires > self.now else Entry()

    def write(self, key: Any, entry: Entry, ttl: float) -> None:
        self.writes += 1
        entry.expires, entry.written = self.now + ttl, self.writes
        self.entries[key] = entry

    def put(self, key: Any, value: Any, ttl: float) -> None:
        entry = self.entry(key)
        entry.records = [value]
        self.write(key, entry, ttl)

    def append(self, key: Any, values: list[Any], ttl: float) -> None:
        if values:
            entry = self.entry(key)
            entry.items = [*entry.items, *values]
            self.write(key, entry, ttl)

    def ids(self, kind: str, caller: str) -> list[str]:
        keys = [key for key in self.entries if key[:2] == (kind, caller)]
        keys = [key for key in keys if self.entry(key).expires]
        return [key[2] for key in sorted(keys, key=lambda key: -self.entries[key].written)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("model")


@pytest.mark.parametrize("name", ["memory", "sqlite", "redis"])
def test_each_backend_does_as_the_model_does(
    name: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    place = place_named(name, request, folder)

    # Redis has a clock of its own, which nobody turns.
    @settings(
        max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(steps(with_time=name != "redis"))
    @example([*EACH, *AGAIN])
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
                        is_new = not model.entry(given_key).records
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
                        is_there = bool(model.entry(given_key).items)
                        added = await store.append(key, value, ttl=ttl, create=False)
                        assert added is is_there
                        if is_there:
                            model.append(given_key, [value], ttl)
                    case "delete":
                        await store.delete(key)
                        model.entries.pop(given_key, None)
                    case _:
                        model.now += SOON
                        await place.later(SOON)
                entry = model.entry(given_key)
                assert await store.get(key) == (entry.records or [None])[0]
                assert await store.items(key) == entry.items
                assert await store.items(key, 1) == entry.items[1:]
                assert await store.ids(key.kind, key.caller) == model.ids(*given_key[:2])
