"""Where state is stored, encrypted with which keys, and for how long: as the variables say it."""

import secrets
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

import pytest

from amber_mcp.config.settings import Settings
from amber_mcp.config.storage import StorageLocation, TimeToLive, decode_key

BYTES = bytes(range(100, 132))
KEY = b64encode(BYTES).decode()
PASSWORD = "geheim-geheim"


def settings(**given: str) -> Settings:
    return Settings.from_environment(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("memory", "memory"),
        ("Memory", "memory"),
        ("sqlite:/var/lib/amber/state.db", "sqlite:/var/lib/amber/state.db"),
        ("sqlite:///var/lib/amber/state.db", "sqlite:/var/lib/amber/state.db"),
        ("sqlite:~/state.db", f"sqlite:{Path.home()}/state.db"),
        ("redis://cache", "redis://cache:6379/0"),
        ("redis://cache:7000/3", "redis://cache:7000/3"),
        ("rediss://10.0.0.1/", "rediss://10.0.0.1:6379/0"),
        ("redis://[::1]:7000", "redis://[::1]:7000/0"),
        (f"redis://anna:{PASSWORD}@cache/1", "redis://cache:6379/1"),
    ],
)
def test_a_location_is_read_and_told_without_its_password(given: str, told: str) -> None:
    found = settings(AMBER_STATE=given, AMBER_STATE_KEY=KEY)
    assert found.problems == ()
    assert str(found.state) == told
    assert PASSWORD not in repr(found)


def test_the_user_and_the_password_of_a_server_are_unquoted() -> None:
    state = settings(AMBER_STATE="rediss://anna:a%2Fb%40c@cache", AMBER_STATE_KEY=KEY).state
    assert state.password is not None
    assert (state.username, state.password.get_secret_value()) == ("anna", "a/b@c")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("mysql://x", "is neither memory, nor sqlite:PATH, nor redis://HOST"),
        ("memory:x", "is neither memory"),
        ("sqlite:", "must name an absolute path"),
        ("sqlite:state.db", "must name an absolute path"),
        ("sqlite:~nobody-of-this-name/x", "home folder of somebody unknown"),
        ("redis://", "names no valid host"),
        ("redis:cache", "names no valid host"),
        (f"redis://anna:{PASSWORD}@cache:port", "is not a URL"),
        (f"redis://anna:{PASSWORD}/@cache", "is not a URL"),
        (f"redis://anna:{PASSWORD}@cache/0?ssl_cert_reqs=none", "it has a query"),
        (f"redis://anna:{PASSWORD}@cache/data", "the number of the database"),
        (f"redis://anna:{PASSWORD}@", "names no valid host"),
    ],
)
def test_a_faulty_location_is_told_without_its_password(given: str, fault: str) -> None:
    found = settings(AMBER_STATE=given, AMBER_STATE_KEY=KEY)
    (problem,) = found.problems
    assert problem.startswith("AMBER_STATE ")
    assert fault in problem
    assert PASSWORD not in problem
    assert found.state == StorageLocation()


@pytest.mark.parametrize(
    "key",
    [KEY, KEY.rstrip("="), BYTES.hex(), BYTES.hex().upper(), urlsafe_b64encode(BYTES).decode()],
)
def test_a_key_is_read_in_hex_and_in_base64(key: str) -> None:
    found = settings(AMBER_STATE_KEY=key)
    assert found.problems == ()
    assert [decode_key(each.get_secret_value()) for each in found.state_keys] == [BYTES]
    assert key not in repr(found)
    assert key in found.secrets


def test_several_keys_keep_their_order() -> None:
    other = secrets.token_hex(32)
    found = settings(AMBER_STATE_KEY=f"{other}, {KEY},")
    assert [each.get_secret_value() for each in found.state_keys] == [other, KEY]


@pytest.mark.parametrize(
    "key",
    [
        "geheim",
        ",",
        "geheim" * 12,
        BYTES[:31].hex(),
        "00" * 32,
        f"{KEY},geheim",
        "ä" * 43,
        "a" * 43,
    ],
)
def test_a_weak_key_is_refused_with_the_command_that_makes_one(key: str) -> None:
    (problem,) = settings(AMBER_STATE_KEY=key).problems
    assert problem.startswith("AMBER_STATE_KEY is not 32 or more random bytes")
    assert "openssl rand -base64 32" in problem
    assert "geheim" not in problem


def test_redis_needs_a_key() -> None:
    (problem,) = settings(AMBER_STATE="redis://cache").problems
    assert problem.startswith("AMBER_STATE_KEY is not set")
    assert "openssl rand -base64 32" in problem
    assert settings(AMBER_STATE="sqlite:/x/y").problems == ()


def test_a_password_is_hidden_where_it_can_be_told_from_words() -> None:
    assert PASSWORD in settings(AMBER_STATE=f"redis://:{PASSWORD}@c", AMBER_STATE_KEY=KEY).secrets
    assert "amber" not in settings(AMBER_STATE="redis://:amber@c", AMBER_STATE_KEY=KEY).secrets


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("conversation=14d", TimeToLive(conversation=14 * 86_400)),
        ("run = 90m , upload = 2w,", TimeToLive(run=5400, upload=14 * 86_400)),
        ("12h", TimeToLive(43_200, 43_200, 43_200)),
        ("90", TimeToLive(90, 90, 90)),
        ("1.5D", TimeToLive(129_600, 129_600, 129_600)),
    ],
)
def test_lifetimes_are_read(given: str, expected: TimeToLive) -> None:
    found = settings(AMBER_STATE_TTL=given)
    assert found.problems == ()
    assert found.state_ttl == expected


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("soon", "has 'soon', which is not a duration such as 90s, 12h or 7d"),
        ("run=", "has '', which is not a duration"),
        ("run=0", "is not between a second and 366 days"),
        ("2y", "is not a duration"),
        ("400d", "is not between a second and 366 days"),
        ("lease=1d", "names 'lease'; there are conversation, run, upload"),
        ("run=1d,run=2d", "names run twice"),
    ],
)
def test_faulty_lifetimes_are_told(given: str, fault: str) -> None:
    found = settings(AMBER_STATE_TTL=given)
    (problem,) = found.problems
    assert problem.startswith("AMBER_STATE_TTL ")
    assert fault in problem
    assert found.state_ttl == TimeToLive()


def test_lifetimes_are_told_as_they_are_written() -> None:
    assert str(TimeToLive()) == "conversation=7d,run=1d,upload=30d"
    assert str(TimeToLive(90, 5400, 3600)) == "conversation=90s,run=90m,upload=1h"
