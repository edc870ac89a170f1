"""The agent that a run goes to: never guessed, since an agent may act on the company's systems."""

from amber_mcp.agents import agent_id_of
from amber_mcp.closeness import closest_first, told
from amber_mcp.errors import AmberError, InvalidRequest, NotFound
from amber_mcp.quoting import quoted

from .asking import without_secret
from .choosing import choice
from .elicitation import Question
from .tool import Call


async def chosen_agent(call: Call, agent: str) -> str:
    """`agent` where it is a configured name or may be an id, or else the name that the user chose.

    Raises:
        InvalidRequest: if it is empty, or the user chose none.
        NotFound: if no agent is named so, and the user cannot be asked.
        InputRequiredError: if the call has to be made again with the user's answer.
    """
    named = call.app.settings.agents
    without_secret("agent", agent, call.app.settings)
    unasked: AmberError
    if not agent:
        among = f": {told(tuple(sorted(named)))}" if named else ""
        unasked = InvalidRequest(
            "`agent` is empty", advice=f"Name the agent{among}, or pass its id. Do not guess."
        )
        text = "Which agent is to do it?"
    else:
        try:
            agent_id_of(agent, named)
        except NotFound as error:
            unasked = error
        else:
            return agent
        text = f"No agent is named {quoted(agent)}. Which one is to do it?"
    question = Question("agent", text, closest_first(agent, sorted(named)))
    return await choice(call, question, unasked)
