"""The variables that bound what is waited for, sent and received."""

from typing import Final

from .readers import at_least, seconds
from .values import Variable

LIMITS: Final = (
    Variable(
        "AMBER_CONNECT_TIMEOUT",
        "connect_timeout",
        seconds,
        "10",
        "Seconds until a connection must stand",
    ),
    Variable(
        "AMBER_READ_TIMEOUT", "read_timeout", seconds, "120", "Seconds that amber may stay silent"
    ),
    Variable(
        "AMBER_CALL_TIMEOUT",
        "call_timeout",
        seconds,
        "50",
        "Seconds that one tool call may take; keep it below the host's own limit",
    ),
    Variable(
        "AMBER_RUN_TIMEOUT",
        "run_timeout",
        seconds,
        "1800",
        "Seconds that an agent's run may take, over all calls that wait for it",
    ),
    Variable(
        "AMBER_MAX_RUNS",
        "max_runs",
        at_least(1),
        "8",
        "Runs of agents that one caller may have under way at a time",
    ),
    Variable(
        "AMBER_MAX_ANSWER_CHARS",
        "max_answer_chars",
        at_least(200),
        "40000",
        "Characters of an answer that the assistant gets to see",
    ),
    Variable(
        "AMBER_MAX_HISTORY_CHARS",
        "max_history_chars",
        at_least(0),
        "60000",
        "Characters of a conversation's earlier turns that go to amber; the oldest are left out",
    ),
    Variable(
        "AMBER_MAX_UPLOAD_BYTES",
        "max_upload_bytes",
        at_least(1),
        "2147483648",
        "The largest file that is uploaded",
    ),
    Variable(
        "AMBER_MAX_BODY_BYTES",
        "max_body_bytes",
        at_least(1024),
        "33554432",
        "The largest message that the server takes",
    ),
    Variable(
        "AMBER_RETRIES",
        "retries",
        at_least(0),
        "3",
        "How often a request is made again that found no connection, or HTTP 429 or 503",
    ),
    Variable(
        "AMBER_MAX_CONCURRENT_REQUESTS",
        "max_concurrent_requests",
        at_least(1),
        "32",
        "Requests to one host at a time; others wait, and fail as `overloaded` in the end",
    ),
    Variable(
        "AMBER_MAX_RESPONSE_BYTES",
        "max_response_bytes",
        at_least(1024),
        "33554432",
        "The longest answer that is read from amber",
    ),
    Variable(
        "AMBER_MAX_EVENT_BYTES",
        "max_event_bytes",
        at_least(1024),
        "4194304",
        "The longest event of a streamed answer",
    ),
    Variable(
        "AMBER_MAX_ERROR_CHARS",
        "max_error_chars",
        at_least(0),
        "600",
        "Characters of amber's own words in an error",
    ),
    Variable(
        "AMBER_MAX_LIST_ENTRIES",
        "max_list_entries",
        at_least(1),
        "100",
        "Sources of an answer, models and uploads that the assistant gets to see",
    ),
)
