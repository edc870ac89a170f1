"""The agents that the operator has named; amber lists none (amber-api.md section 5)."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from amber_mcp.errors import NotFound
from amber_mcp.text.redaction import redact
from amber_mcp.text.sanitise import as_name, is_plain, one_line, quoted
from amber_mcp.text.suggestions import list_names, rank_by_similarity

_UUID = re.compile(r"(?i)[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
_MOST_DESCRIBED = 20
_MAX_NAME_CHARS = 80
_MAX_DESCRIPTION_CHARS = 200
_MAX_CHARS = 1_500


class Agent(NamedTuple):
    """An agent's id, and what it is for, where the operator says so."""

    id: str
    description: str = ""


def describe_agents(named: Mapping[str, Agent], *secrets: str) -> str:
    """The agents' names and what they are for, on one line, in the order in which they were set.

    At most 20 of them, with 1,500 characters; how many more there are is said. A name that cannot
    stand in a line is left out.
    """
    entries: list[str] = []
    chars = len("Agents: ; and 9999 more.")
    for name, agent in named.items():
        if redact(name, *secrets) != name or not is_plain(name, max_chars=_MAX_NAME_CHARS):
            continue
        described = one_line(
            redact(agent.description, *secrets), max_chars=_MAX_DESCRIPTION_CHARS
        ).rstrip(".")
        entry = as_name(name, max_chars=_MAX_NAME_CHARS) + (f": {described}" if described else "")
        chars += len(entry) + len("; ")
        if len(entries) == _MOST_DESCRIBED or chars > _MAX_CHARS:
            break
        entries.append(entry)
    more = len(named) - len(entries)
    return f"Agents: {'; '.join([*entries, *([f'and {more} more'] if more else [])])}."


def resolve_agent(agent: str, named: Mapping[str, Agent]) -> str:
    """The id for a configured name; anything that may be an id is returned as it is.

    Raises:
        NotFound: for a name that is not among the configured ones.
    """
    by_name = {name.casefold(): known.id for name, known in named.items()}
    if found := by_name.get(agent.casefold()):
        return found
    if named and agent not in by_name.values() and not _UUID.fullmatch(agent):
        raise NotFound(
            f"no agent is named {quoted(agent)}",
            advice=f"Use one of {list_names(rank_by_similarity(agent, sorted(named)))}, "
            "or an agent's id.",
        )
    return agent
