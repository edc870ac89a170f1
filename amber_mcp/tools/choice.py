"""A choice that is missing: the user makes it where the host can ask, and nobody guesses it."""

from itertools import islice

import anyio

from amber_mcp.config.agents import resolve_agent
from amber_mcp.errors import AmberError, InvalidRequest, NotFound
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.elicitation import CannotAskError, Question
from amber_mcp.text.json_values import well_formed
from amber_mcp.text.redaction import redact
from amber_mcp.text.sanitise import quoted
from amber_mcp.text.suggestions import MOST_SHOWN, list_names, rank_by_similarity

from .parameters import require_no_secret

PATIENCE_SECONDS = 300.0
"""How long the user may think, where the question is asked in mid-call.

Hosts give up on a call after a minute or so, unless they count the user's time or its progress as
we do; one that gives up cancels the call, and the question with it. So this bounds what a host may
hold that never answers, and not the user of a host that waits.
"""

_LONGEST_CHOICE = 200


async def ask_for_choice(call: Call, question: Question, unasked: AmberError) -> str:
    """What the user chooses of `question.choices`, of which the first are shown.

    The time that the user takes is none of the call's.

    Args:
        unasked: raised where the user cannot be asked, or there is nothing to choose from.

    Raises:
        InvalidRequest: if the user chose none, or the host answers with something else.
        InputRequiredError: if the call has to be made again with the answer.
    """
    asked = _presentable(call, question)
    if not asked.choices:
        raise unasked
    call.progress.note(f"Asking the user for the {question.name}")
    try:
        with call.timer.stopped(), anyio.fail_after(PATIENCE_SECONDS):
            answer = await call.user.ask(asked)
    except CannotAskError:
        raise unasked from None
    except TimeoutError:
        late = f"did not answer within {PATIENCE_SECONDS:g} s"
        raise _unchosen(asked, late, unasked.upstream) from None
    if answer.action != "accept":
        declined = "declined to choose" if answer.action == "decline" else "chose none"
        raise _unchosen(asked, declined, unasked.upstream)
    chosen = (answer.content or {}).get(asked.name)
    if isinstance(chosen, str) and chosen in asked.choices:
        return chosen
    raise InvalidRequest(
        f"what the host answered for the user is no {asked.name} that was offered",
        advice=f"Ask the user which is meant: {list_names(question.choices)}.",
    )


def _unchosen(question: Question, what: str, upstream: str) -> InvalidRequest:
    return InvalidRequest(
        f"the user was asked for the {question.name}, and {what}",
        upstream=upstream,
        advice="Do not choose for the user. If it is still wanted, ask which is meant: "
        f"{list_names(question.choices)}.",
    )


def _presentable(call: Call, question: Question) -> Question:
    """The question as the user may see it: without secrets, and not too long."""
    secrets = call.app.settings.secrets

    def clean(text: str) -> str:
        return redact(well_formed(text), *secrets)

    fitting = (
        each
        for each in question.choices
        if 0 < len(each) <= _LONGEST_CHOICE and each.isprintable() and clean(each) == each
    )
    choices = tuple(islice(fitting, MOST_SHOWN))
    text = clean(question.text)
    if next(fitting, None) is not None:
        text += f" ({MOST_SHOWN} of {len(question.choices)} are shown.)"
    return Question(question.name, text, choices)


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
