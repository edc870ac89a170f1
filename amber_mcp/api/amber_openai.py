"""amber's OpenAI-format API, `/api/beta/openai/v1` (seed 002): no search, agents or files.

The seed says that it accepts "messages and parameters in the OpenAI format" and refers to
OpenAI's own description of "Create chat completion" for them: what is written there is documented
here. Values that OpenAI adds to from time to time (`reasoning_effort`, say) are any text. A list
of models is not documented.
"""

from . import checks
from .completions import CompletionsApi, wire_message
from .dialect import Dialect
from .http import HttpClient
from .types import ChatRequest, Json, Model

_FUNCTION = checks.closed(
    "name",
    name=checks.text,
    description=checks.text,
    parameters=checks.mapping,
    strict=checks.boolean,
)
_CALLED = checks.closed("name", "arguments", name=checks.text, arguments=checks.text)
_CALL = checks.kinds(
    function=checks.closed("id", "function", id=checks.text, type=checks.text, function=_CALLED),
    custom=checks.closed(
        "id",
        "custom",
        id=checks.text,
        type=checks.text,
        custom=checks.closed("name", "input", name=checks.text, input=checks.text),
    ),
)


class AmberOpenAiApi(CompletionsApi):
    """The OpenAI-format API of one tenant; its models are those that the operator names."""

    path = "/api/beta/openai/v1/chat/completions"
    dialect = Dialect(
        name="amber-openai",
        offers=("images", "functions"),
        roles=frozenset({"developer", "system", "user", "assistant", "tool", "function"}),
        message_fields={
            "name": checks.text,
            "refusal": checks.text,
            "audio": checks.closed("id", id=checks.text),
            "tool_calls": checks.listed(_CALL),
            "tool_call_id": checks.text,
            "function_call": _CALLED,
        },
        content_parts={
            "text": checks.closed("text", type=checks.text, text=checks.text),
            "refusal": checks.closed("refusal", type=checks.text, refusal=checks.text),
            "image_url": checks.closed(
                "image_url",
                type=checks.text,
                image_url=checks.closed(
                    "url", url=checks.text, detail=checks.one_of("auto", "low", "high")
                ),
            ),
            "input_audio": checks.closed(
                "input_audio",
                type=checks.text,
                input_audio=checks.closed(
                    "data", "format", data=checks.text, format=checks.one_of("wav", "mp3")
                ),
            ),
            "file": checks.closed(
                "file",
                type=checks.text,
                file=checks.closed(
                    file_data=checks.text, file_id=checks.text, filename=checks.text
                ),
            ),
        },
        null_content=True,
        function=checks.kinds(
            function=checks.closed("function", type=checks.text, function=_FUNCTION),
            custom=checks.closed(
                "custom",
                type=checks.text,
                custom=checks.closed(
                    "name", name=checks.text, description=checks.text, format=checks.mapping
                ),
            ),
        ),
        parameters={
            "audio": checks.mapping,
            "frequency_penalty": checks.number(-2, 2),
            "function_call": checks.either(checks.text, checks.mapping),
            "functions": checks.listed(_FUNCTION),
            "logit_bias": checks.mapped(checks.number(-100, 100)),
            "logprobs": checks.boolean,
            "max_completion_tokens": checks.integer(),
            "max_tokens": checks.integer(),
            "metadata": checks.mapped(checks.text),
            "modalities": checks.listed(checks.text),
            "n": checks.integer(1, 128),
            "parallel_tool_calls": checks.boolean,
            "prediction": checks.mapping,
            "presence_penalty": checks.number(-2, 2),
            "prompt_cache_key": checks.text,
            "prompt_cache_retention": checks.text,
            "reasoning_effort": checks.text,
            "response_format": checks.mapping,
            "safety_identifier": checks.text,
            "seed": checks.integer(),
            "service_tier": checks.text,
            "stop": checks.either(checks.text, checks.listed(checks.text, most=4)),
            "store": checks.boolean,
            "stream": checks.boolean,
            "stream_options": checks.closed(
                include_usage=checks.boolean, include_obfuscation=checks.boolean
            ),
            "temperature": checks.number(0, 2),
            "tool_choice": checks.either(checks.text, checks.mapping),
            "top_logprobs": checks.integer(0, 20),
            "top_p": checks.number(0, 1),
            "user": checks.text,
            "verbosity": checks.text,
            "web_search_options": checks.mapping,
        },
    )

    def __init__(self, http: HttpClient, *, stream: bool, models: tuple[str, ...]) -> None:
        super().__init__(http, stream=stream)
        self._models = models

    def body(self, request: ChatRequest, *, stream: bool) -> dict[str, Json]:
        """The body of `POST /chat/completions`; a stream is asked to tell its usage."""
        functions: dict[str, Json] = {"tools": [dict(f) for f in request.functions]}
        parameters = dict(request.parameters)
        options = parameters.pop("stream_options", {"include_usage": True})
        return {
            "model": request.model,
            "messages": [wire_message(message) for message in request.messages],
            **(functions if request.functions else {}),
            **({"stream_options": options} if stream else {}),
            **parameters,
            "stream": stream,
        }

    async def models(self) -> tuple[Model, ...]:
        """The models of AMBER_OPENAI_MODELS."""
        return tuple(map(self.model_of, self._models))
