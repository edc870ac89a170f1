"""Errors: a closed set of kinds, each worded so that its reader knows what to do."""

from amber_mcp import errors
from amber_mcp.errors import AmberError, StreamBroken, Unauthorized, describe

KINDS = {
    "not_configured", "invalid_request", "unauthorized", "payment_required", "forbidden",
    "not_found", "rate_limited", "too_large", "unsupported", "upstream_error",
    "upstream_unreachable", "upstream_timeout", "stream_broken", "overloaded", "internal_error",
}  # fmt: skip


def test_the_kinds_are_a_closed_set_with_one_class_each() -> None:
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, AmberError) and value is not AmberError
    ]
    assert sorted(cls.kind for cls in classes) == sorted(KINDS)
    assert all(cls.advice for cls in classes)


def test_an_error_tells_all_that_is_known() -> None:
    error = Unauthorized("the API refused the key", status=401, upstream="No.", request_id="r-1")
    assert describe(error) == (
        'unauthorized: the API refused the key (HTTP 401). It said: "No.". Request id: r-1. '
        "What to do: Check the API key: it may be mistyped, revoked, or of another tenant."
    )


def test_an_error_keeps_the_text_so_far() -> None:
    error = StreamBroken("it stopped", partial="Half an ans", advice="Ask again.")
    assert describe(error) == (
        "stream_broken: it stopped. The answer so far, which may be incomplete:"
        "\n\nHalf an ans\n\n What to do: Ask again."
    )
