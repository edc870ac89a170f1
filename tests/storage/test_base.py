"""Names and ids tell nothing, and nobody guesses them."""

import re

from amber_mcp.errors import AmberError
from amber_mcp.storage.base import StorageUnavailable, hash_of, new_id

TENANT, KEY = "https://company.ambersearch.de", b"k" * 32


def test_a_hash_is_the_same_each_time_unlike_all_others_and_tells_nothing() -> None:
    name = hash_of(TENANT, "anna", key=KEY)
    assert name == hash_of(TENANT, "anna", key=KEY)
    others = {
        hash_of(TENANT, "otto", key=KEY),
        hash_of("https://another.ambersearch.de", "anna", key=KEY),
        hash_of(TENANT, "anna", key=b"l" * 32),
        hash_of(f"{TENANT}an", "na", key=KEY),
    }
    assert len({name, *others}) == 5
    assert re.fullmatch(r"[A-Za-z0-9_-]{24}", name)
    assert "anna" not in name


def test_ids_are_url_safe_never_the_same_and_say_what_they_are() -> None:
    ids = {new_id("conv") for _ in range(1000)} | {new_id("run") for _ in range(1000)}
    assert len(ids) == 2000
    assert all(re.fullmatch(r"(conv|run)_[A-Za-z0-9_-]{24}", each) for each in ids)


def test_its_errors_are_of_a_known_kind() -> None:
    assert issubclass(StorageUnavailable, AmberError)
    assert StorageUnavailable.kind == "internal_error"
