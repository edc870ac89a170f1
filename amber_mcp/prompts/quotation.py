"""Names and ids in a prompt's text, which is said in the user's name."""

import json

from amber_mcp.text.sanitise import strip_controls


def quote_value(text: str) -> str:
    """A text in quotes, which it can neither end nor break into a line of its own."""
    return json.dumps(strip_controls(text), ensure_ascii=False)
