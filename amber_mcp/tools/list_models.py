"""`list_models`: what can be asked."""

from typing import Annotated

from pydantic import BaseModel, Field

from .tool import Call, Result, tool


class ModelOut(BaseModel):
    """A model, the API that has it, and what that API offers."""

    id: str
    api: str
    offers: list[str]


class Models(Result):
    """The models, and the one that is taken where none is named."""

    models: list[ModelOut]
    default_model: str

    def as_text(self) -> str:
        """One model a line."""
        if not self.models:
            return f"No model fits. The default model is {self.default_model}."
        lines = [f"- {m.id} ({m.api}: {', '.join(m.offers)})" for m in self.models]
        return "\n".join([*lines, f"Default: {self.default_model}"])


@tool(title="List amber's models", read_only=True, idempotent=True)
async def list_models(
    call: Call,
    contains: Annotated[
        str, Field(description="Only models whose id contains this text. Empty: all.")
    ] = "",
) -> Models:
    """List the language models that amber offers, with what each can be used for, and the default.

    Use it before passing a `model` to another tool. It is not needed for ordinary questions: an
    empty `model` takes the default.
    """
    models = await call.app.models()
    wanted = contains.strip().casefold()
    return Models(
        models=[
            ModelOut(id=model.id, api=model.api, offers=list(model.offers))
            for model in models
            if wanted in model.id.casefold()
        ],
        default_model=await call.app.default_model(),
    )
