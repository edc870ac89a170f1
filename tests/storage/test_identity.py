"""Callers' names and ids: they tell nothing, and nobody guesses them."""

import re

from amber_mcp.storage.identity import caller_hash, new_id

TENANT, KEY = "https://company.ambersearch.de", b"k" * 32


def test_a_caller_is_the_same_each_time_and_unlike_all_others() -> None:
    caller = caller_hash(TENANT, "ambrs-anna", KEY)
    assert caller == caller_hash(TENANT, "ambrs-anna", KEY)
    others = {
        caller_hash(TENANT, "ambrs-otto", KEY),
        caller_hash("https://another.ambersearch.de", "ambrs-anna", KEY),
        caller_hash(TENANT, "ambrs-anna", b"l" * 32),
        caller_hash(f"{TENANT}ambrs-", "anna", KEY),
    }
    assert len({caller, *others}) == 5


def test_a_caller_tells_nothing() -> None:
    caller = caller_hash(TENANT, "anna", KEY)
    assert re.fullmatch(r"[A-Za-z0-9_-]{24}", caller)
    assert "anna" not in caller


def test_ids_are_url_safe_never_the_same_and_say_what_they_are() -> None:
    for kind, prefix in (("conversation", "conv"), ("run", "run")):
        ids = {new_id(kind) for _ in range(1000)}  # type: ignore[arg-type]
        assert len(ids) == 1000
        assert all(re.fullmatch(rf"{prefix}_[A-Za-z0-9_-]{{24}}", each) for each in ids)
