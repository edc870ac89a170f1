"""The agents that the operator has named; amber lists none (amber-api.md section 5)."""

import re
from collections.abc import Mapping

from .closeness import closest_first, told
from .errors import NotFound
from .quoting import quoted

_UUID = re.compile(r"(?i)[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")


def agent_id_of(agent: str, named: Mapping[str, str]) -> str:
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
            advice=f"Use one of {told(closest_first(agent, sorted(named)))}, or an agent's id.",
        )
    return agent
