"""`ask_amber`: a question, answered from company sources."""

from typing import Annotated, Literal

from pydantic import Field

from amber_mcp.api.amber import search_parameters
from amber_mcp.api.types import ChatRequest
from amber_mcp.conversations.records import Turn
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.tool import tool

from .answer_result import AnswerResult
from .conversation import ConversationId, answer_turn, open_conversation
from .file_ids import resolve_file_ids
from .parameters import Language, ModelId, language_of, model_of, required_text, temperature_or_none


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
        list[str], Field(description="Uploads to answer from, by id or name.")
    ] = [],  # noqa: B006  # never changed: pydantic copies it
    model: ModelId = "",
    language: Language = "",
    instructions: Annotated[
        str, Field(description="How to answer: role, form, length. Empty: as amber does.")
    ] = "",
    temperature: Annotated[
        float, Field(description="Randomness from 0 upwards. -1: the default.")
    ] = -1,
) -> AnswerResult:
    """Answer a question from the company's own documents, wikis, mail and tickets, with sources.

    Use it for anything internal: policies, projects, people, products, decisions. Do not use it
    for public facts (web_search) or for a task of a specialised agent (run_agent). For a follow-up,
    pass the `conversation_id` of the answer before: amber then knows what was said, and the files.
    Example: "How many days of annual leave do employees in Germany get?"
    """
    app = call.app
    question = required_text("question", question)
    context = await open_conversation(call, conversation_id)
    files = await resolve_file_ids(call, file_ids)
    request = ChatRequest(
        messages=context.messages(question, instructions.strip() or context.before.instructions),
        model=await model_of(app, model),
        parameters=search_parameters(
            search,
            language=language_of(app, language.strip() or context.language),
            file_ids=context.files(files),
            temperature=temperature_or_none(temperature),
        ),
    )
    call.progress.note("Searching company sources" if search == "company" else "Asking amber")
    turn = Turn(
        question=question,
        answer="",
        origin="company",
        language=language.strip(),
        instructions=instructions.strip(),
        file_ids=tuple(files),
    )
    return await answer_turn(call, context, request, turn)
