"""What hosts are told of the configured agents: one line, bounded, in the order of the setting."""

import pytest

from amber_mcp.config.agents import Agent, describe_agents
from tests.planted import KEY

NAMES = [f"agent-{number:02}" for number in range(25)]


@pytest.mark.parametrize(
    ("agents", "told"),
    [
        ({"legal": Agent("1"), "hr": Agent("2", "Leave, pay.")}, "Agents: legal; hr: Leave, pay."),
        ({"our desk": Agent("1", "a\n- b\x1b[1m\u202e")}, 'Agents: "our desk": a - b.'),
        ({"a\nb": Agent("1"), f"to {KEY}": Agent("2")}, "Agents: and 2 more."),
        ({"it": Agent("1", f"{'x' * 190} {KEY}")}, f"Agents: it: {'x' * 190} {{hidden}}."),
        (dict.fromkeys(NAMES, Agent("1")), f"Agents: {'; '.join(NAMES[:20])}; and 5 more."),
    ],
)
def test_agents_are_described_in_one_line(agents: dict[str, Agent], told: str) -> None:
    assert describe_agents(agents, KEY) == told


def test_long_descriptions_of_many_agents_are_cut() -> None:
    told = describe_agents(dict.fromkeys(NAMES, Agent("1", "long " * 1_000)))
    assert 1_200 < len(told) <= 1_500
    assert max(map(len, told.split("; "))) < 225
    assert told.endswith("…; and 19 more.")
