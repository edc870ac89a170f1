"""Values that an error repeats: enough to recognise them, and no more."""

_MAX_CHARS = 80


def quoted(value: object) -> str:
    """A value as Python writes it, cut where it is long."""
    try:
        return truncate(repr(value[: 2 * _MAX_CHARS] if isinstance(value, str) else value))
    except (ValueError, RecursionError):  # a whole number of thousands of digits, or a deep one
        return "what is there"


def truncate(text: str) -> str:
    """A text, cut where it is long."""
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]}…"
