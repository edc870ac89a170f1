"""The agents that the operator has named; amber lists none (amber-api.md section 5)."""

import re
from collections.abc import Mapping

from amber_mcp.errors import NotFound
from amber_mcp.text.sanitise import quoted
from amber_mcp.text.suggestions import list_names, rank_by_similarity

_UUID = re.compile(r"(?i)[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")


def resolve_agent(agent: str, named: Mapping[str, str]) -> str:
    """The id for a configured name; anything that may be an id is returned as it is.

    Raises:
        NotFound: for a name that is not among the configured ones.
    """
    by_name = {name.casefold(): agent_id for name, agent_id in named.items()}
    if found := by_name.get(agent.casefold()):
        return found
    if named and agent not in named.values() and not _UUID.fullmatch(agent):
        raise NotFound(
            f"no agent is named {quoted(agent)}",
            advice=f"Use one of {list_names(rank_by_similarity(agent, sorted(named)))}, "
            "or an agent's id.",
        )
    return agent
