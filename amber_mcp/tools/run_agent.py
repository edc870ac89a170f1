"""`run_agent`: a task for one of the company's agents."""

from typing import Annotated, Literal

from pydantic import Field

from amber_mcp.agents import agent_id_of
from amber_mcp.api.amber import search_parameters
from amber_mcp.api.types import ChatRequest
from amber_mcp.state.conversations import Turn

from .answered import Answered, answer_call, fields_of
from .asking import Language, ModelId, language_of, model_of, required_text
from .choosing_agents import chosen_agent
from .conversing import ConversationId, kept, talk_of
from .tool import Call, tool


class AgentRun(Answered):
    """What an agent brought back."""

    status: Literal["completed"] = "completed"
    agent: str
    elapsed_seconds: float

    def as_text(self) -> str:
        """The answer, then how the run went."""
        return (
            f"{super().as_text()}\n"
            f"Agent {self.agent}: {self.status} after {self.elapsed_seconds:g} s"
        )


@tool(title="Run an amber agent", read_only=False, idempotent=False, destructive=True)
async def run_agent(
    call: Call,
    task: Annotated[
        str, Field(description="The task in full sentences, with all that the agent has to know.")
    ],
    agent: Annotated[
        str,
        Field(
            description="The agent's configured name, or its id. Agents cannot be listed. Empty: "
            "the conversation's."
        ),
    ] = "",
    search: Annotated[
        Literal["company", "web", "none"],
        Field(description="What the agent may search besides its own knowledge."),
    ] = "company",
    conversation_id: ConversationId = "",
    file_ids: Annotated[
        list[str], Field(description="Files to work on: ids that upload_file returned.")
    ] = [],  # noqa: B006  # never changed: pydantic copies it
    model: ModelId = "",
    language: Language = "",
) -> AgentRun:
    """Give a task to one of the company's amber agents, with its own instructions and knowledge.

    Use it when the user names an agent, or when a task belongs to one. For a plain question
    ask_amber is faster. An agent may act on the company's systems as it was set up to do.
    Example: {"agent": "hr", "task": "Summarise the rules for parental leave for a new parent."}
    """
    app = call.app
    task = required_text("task", task)
    talk = await talk_of(call, conversation_id)
    amber_agent = await chosen_agent(call, agent.strip() or talk.before.agent)
    agent_id = agent_id_of(amber_agent, app.settings.agents)
    request = ChatRequest(
        messages=talk.messages(task, talk.before.instructions),
        model=await model_of(app, model),
        parameters=search_parameters(
            search,
            language=language_of(app, language.strip() or talk.before.language),
            agent_id=agent_id,
            file_ids=talk.files(file_ids),
        ),
    )
    call.progress.note(f"The agent {amber_agent} is at work")
    answered = await answer_call(call, request)
    turn = Turn(
        question=task,
        answer=answered.text,
        origin="company",
        language=language.strip(),
        agent=agent_id,
        file_ids=tuple(file_ids),
    )
    return AgentRun.model_validate(
        {
            **fields_of(call, answered),
            **await kept(call, talk, turn),
            "agent": amber_agent,
            "elapsed_seconds": answered.elapsed_seconds,
        }
    )
