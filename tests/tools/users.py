"""A user in the tests, who is asked and answers, and four agents to choose from."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import anyio
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult, ErrorData

from amber_mcp.config.settings import Settings
from tests.upstream import Upstream

Connect = Callable[..., AbstractAsyncContextManager[Client]]
"""The type of the `connect` fixture."""

NEVER = "never"
IDS = {
    name: f"00000000-0000-4000-8000-00000000000{number}"
    for number, name in enumerate(("Facilities", "hr", "legal-de", "legal-en"))
}
AGENTS = ",".join(f"{name}={agent_id}" for name, agent_id in reversed(IDS.items()))


def with_agents(upstream: Upstream, **variables: str) -> Settings:
    """Settings that reach `upstream`, with the agents."""
    return upstream.settings(AMBER_AGENTS=AGENTS, AMBER_MODEL="m", **variables)


@dataclass
class Asked:
    """Answers each question with the value for its field: `None` declines, `NEVER` waits."""

    answers: Mapping[str, str | int | None] = field(default_factory=dict)
    questions: list[ElicitRequestFormParams] = field(default_factory=list)
    asked: anyio.Event = field(default_factory=anyio.Event)
    withdrawn: anyio.Event = field(default_factory=anyio.Event)

    async def __call__(
        self, _: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult | ErrorData:
        assert isinstance(params, ElicitRequestFormParams)
        self.questions.append(params)
        self.asked.set()
        (name,) = params.requested_schema["properties"]
        answer = self.answers[name]
        if answer is None:
            return ElicitResult(action="decline")
        if answer == NEVER:
            try:
                await anyio.sleep_forever()
            finally:
                self.withdrawn.set()
        return ElicitResult(action="accept", content={name: answer})

    @property
    def choices(self) -> list[list[str]]:
        """What each question offered."""
        return [
            each["enum"]
            for question in self.questions
            for each in question.requested_schema["properties"].values()
        ]
