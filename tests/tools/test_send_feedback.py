"""`send_feedback`: what is passed is recorded, and nothing of it is passed over."""

import json

import pytest
from starlette.responses import JSONResponse

from tests.test_server import failure, structured
from tests.tools.test_chat_completion import called
from tests.upstream import Canned

SESSION = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
SUBJECT = {"project": " p ", "metric": "m"}


@pytest.mark.parametrize(
    ("value", "sent"), [(0.5, 0.5), (True, True), (2, 2), ("true", True), (" 0.5 ", 0.5)]
)
async def test_a_rating_may_come_as_what_it_is(
    upstream: Canned, value: object, sent: object
) -> None:
    async with upstream(JSONResponse({"outcome_id": "o"}, 201)) as canned:
        rated = {**SUBJECT, "session_id": f" {SESSION} ", "value": value}
        structured(await called(canned, tool="send_feedback", **rated))
    body = json.loads(canned.seen[0].body)
    assert body == {"project_id": "p", "metric": "m", "session_id": SESSION, "value": sent}
    assert isinstance(body["value"], bool) is isinstance(sent, bool)


@pytest.mark.parametrize("tied", ["", "null", None])
async def test_ids_are_sent_without_blanks(upstream: Canned, tied: object) -> None:
    compared = {**SUBJECT, "completion_id": " a ", "other_completion_id": "b\n", "tied": tied}
    async with upstream(JSONResponse({"comparison_id": "c"}, 201)) as canned:
        structured(await called(canned, tool="send_feedback", **compared))
    body = json.loads(canned.seen[0].body)
    assert (body["preferred_completion"], body["other_completion"]) == ("a", "b")
    assert "tied" not in body


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "either `session_id` and `value`"),
        ({"session_id": SESSION, "completion_id": SESSION}, "either"),
        ({"session_id": SESSION}, "`value` is empty"),
        ({"session_id": SESSION, "value": "good"}, "`value` must be a finite number"),
        ({"completion_id": SESSION}, "`other_completion_id` is empty"),
        ({"project": "", "session_id": SESSION}, "`project` is empty"),
        ({"metric": " ", "session_id": SESSION}, "`metric` is empty"),
        ({"session_id": SESSION, "value": "nan"}, "a finite number, true or false, not 'nan'"),
        ({"session_id": SESSION, "value": "inf"}, "a finite number"),
        ({"session_id": SESSION, "value": "1e999"}, "a finite number"),
        ({"session_id": SESSION, "value": "1_000"}, "a finite number"),
        ({"session_id": "abc", "value": "1"}, "`session_id` must be a UUID, not 'abc'"),
        ({"completion_id": "a", "value": "1"}, "not `value`, `completion_id` together"),
        ({"session_id": SESSION, "value": "1", "tied": "good"}, "`tied` together"),
        ({"session_id": SESSION, "other_completion_id": "b"}, "`other_completion_id` together"),
        ({"session_id": SESSION, "value": []}, "`value` must be text"),
    ],
)
async def test_what_says_too_little_or_does_not_belong_together_is_refused(
    upstream: Canned, arguments: dict, told: str
) -> None:
    async with upstream(JSONResponse({})) as canned:
        result = await called(canned, tool="send_feedback", **{**SUBJECT, **arguments})
    assert told in failure(result, "invalid_request")
    assert "full sentence" not in failure(result, "invalid_request")
    assert canned.seen == []
