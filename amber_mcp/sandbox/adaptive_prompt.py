"""The sandbox's own system prompt for Adaptive: a template that `system_prompt_args` fill in."""

import json
import re
from collections.abc import Mapping

_TEMPLATE = "You are the sandbox of {{company}} and answer {{user_name}} in {{style}}."
_DEFAULTS = {"company": "the sample company", "user_name": "a visitor", "style": "quotes"}
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def rendered(given: Mapping[str, object]) -> str:
    """The template with arguments, or its defaults, in their places; others are left out."""
    values: dict[str, object] = {**_DEFAULTS, **given}

    def fill(place: re.Match[str]) -> str:
        value = values[place[1]]
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return _PLACE.sub(fill, _TEMPLATE)
