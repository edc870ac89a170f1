"""Replies: answers to a chat where nothing is searched, which quote what they were given."""

from collections.abc import Sequence

from . import images
from .answers import Wording
from .messages import Message, last_instruction, last_question, last_results

_LONGEST_QUOTE = 300
_LONGEST_RESULT = 2000


def write(messages: Sequence[Message]) -> str:
    """The reply to messages in OpenAI's format: to a request and its images, or to results.

    Raises:
        ImageError: an image cannot be read.
    """
    asked = last_question(messages)
    results = last_results(messages)
    parts = [opening(), *instruction(last_instruction(messages))]
    if results:
        parts += [f"Result of {name}: “{_short(text, _LONGEST_RESULT)}”" for name, text in results]
    else:
        parts.append(request(asked.text))
        parts += [picture(at, url) for at, url in enumerate(asked.images, 1)]
    return "\n\n".join(parts)


def opening() -> str:
    """What every answer begins with: that it is the sandbox's."""
    return Wording("en")["sandbox"]


def instruction(text: str) -> list[str]:
    """The instruction, if there is one."""
    return [f"Instruction: “{_short(text)}”"] if text.strip() else []


def request(text: str) -> str:
    """What was asked."""
    return f"Your request: “{_short(text)}”" if text.strip() else Wording("en")["no_question"]


def picture(at: int, url: str) -> str:
    """What an image is, as far as its first bytes say, or only where it is.

    Raises:
        ImageError: it cannot be read.
    """
    if url.startswith("https://"):
        return f"Image {at}: {_short(url)}. The sandbox fetches nothing, so it has not seen it."
    return f"Image {at}: {images.from_data_uri(url)}."


def _short(text: str, longest: int = _LONGEST_QUOTE) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[:longest].rstrip()} …"
