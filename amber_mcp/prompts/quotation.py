"""Names and ids in a prompt's text, which is said in the user's name."""

import json

from amber_mcp.harmless import harmless


def quotation(text: str) -> str:
    """A text in quotes, which it can neither end nor break into a line of its own."""
    return json.dumps(harmless(text), ensure_ascii=False)
