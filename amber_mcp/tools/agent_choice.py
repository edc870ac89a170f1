"""The agent that a run goes to: never guessed, since an agent may act on the company's systems."""

from amber_mcp.config.agents import resolve_agent
from amber_mcp.errors import AmberError, InvalidRequest, NotFound
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.elicitation import Question
from amber_mcp.text.quoting import quoted
from amber_mcp.text.suggestions import list_names, rank_by_similarity

from .choice import ask_for_choice
from .parameters import require_no_secret


async def choose_agent(call: Call, agent: str) -> str:
    """`agent` where it is a configured name or may be an id, or else the name that the user chose.

    Raises:
        InvalidRequest: if it is empty, or the user chose none.
        NotFound: if no agent is named so, and the user cannot be asked.
        InputRequiredError: if the call has to be made again with the user's answer.
    """
    named = call.app.settings.agents
    require_no_secret("agent", agent, call.app.settings)
    unasked: AmberError
    if not agent:
        among = f": {list_names(tuple(sorted(named)))}" if named else ""
        unasked = InvalidRequest(
            "`agent` is empty", advice=f"Name the agent{among}, or pass its id. Do not guess."
        )
        text = "Which agent is to do it?"
    else:
        try:
            resolve_agent(agent, named)
        except NotFound as error:
            unasked = error
        else:
            return agent
        text = f"No agent is named {quoted(agent)}. Which one is to do it?"
    question = Question("agent", text, rank_by_similarity(agent, sorted(named)))
    return await ask_for_choice(call, question, unasked)
