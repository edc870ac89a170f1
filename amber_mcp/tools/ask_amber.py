"""`ask_amber`: a question, answered from company sources."""

from typing import Annotated, Literal

from pydantic import Field

from amber_mcp.api.amber import search_parameters
from amber_mcp.api.types import ChatRequest
from amber_mcp.state.conversations import Turn

from .answered import Answered, fields_of
from .asking import (
    Language,
    ModelId,
    chosen_temperature,
    language_of,
    model_of,
    required_text,
)
from .choosing_models import answer_with_a_model
from .conversing import ConversationId, kept, talk_of
from .tool import Call, tool


@tool(title="Ask amber", read_only=True, idempotent=False)
async def ask_amber(
    call: Call,
    question: Annotated[
        str,
        Field(
            description="The question as a full sentence with all the context it needs, in the "
            "language the answer should have. Not keywords."
        ),
    ],
    search: Annotated[
        Literal["company", "none"],
        Field(description="company: search internal sources. none: only `file_ids` and the model."),
    ] = "company",
    conversation_id: ConversationId = "",
    file_ids: Annotated[
        list[str], Field(description="Files to answer from: ids that upload_file returned.")
    ] = [],  # noqa: B006  # never changed: pydantic copies it
    model: ModelId = "",
    language: Language = "",
    instructions: Annotated[
        str, Field(description="How to answer: role, form, length. Empty: as amber does.")
    ] = "",
    temperature: Annotated[
        float, Field(description="Randomness from 0 upwards. -1: the default.")
    ] = -1,
) -> Answered:
    """Answer a question from the company's own documents, wikis, mail and tickets, with sources.

    Use it for anything internal: policies, projects, people, products, decisions. Do not use it
    for public facts (web_search) or for a task of a specialised agent (run_agent). For a follow-up,
    pass the `conversation_id` of the answer before: amber then knows what was said, and the files.
    Example: "How many days of annual leave do employees in Germany get?"
    """
    app = call.app
    question = required_text("question", question)
    talk = await talk_of(call, conversation_id)
    request = ChatRequest(
        messages=talk.messages(question, instructions.strip() or talk.before.instructions),
        model=await model_of(app, model),
        parameters=search_parameters(
            search,
            language=language_of(app, language.strip() or talk.language),
            file_ids=talk.files(file_ids),
            temperature=chosen_temperature(temperature),
        ),
    )
    call.progress.note("Searching company sources" if search == "company" else "Asking amber")
    answered = await answer_with_a_model(call, request)
    turn = Turn(
        question=question,
        answer=answered.text,
        origin="company",
        language=language.strip(),
        instructions=instructions.strip(),
        file_ids=tuple(file_ids),
    )
    told = {
        **fields_of(call.app.settings, answered),
        **await kept(call.app, talk, turn, within=call.seconds_to_keep),
    }
    return Answered.model_validate(told)
