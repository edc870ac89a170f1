"""The four APIs, to be asked over a real socket, and requests with all that they document."""

import json
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import anyio

from amber_mcp.api.accumulator import CompletionAccumulator
from amber_mcp.api.adaptive import AdaptiveApi
from amber_mcp.api.amber_openai import AmberOpenAiApi
from amber_mcp.api.completions import CompletionsApi
from amber_mcp.api.morpheus import MorpheusApi
from amber_mcp.api.types import ChatDelta, ChatRequest, Json, Message
from amber_mcp.http.client import HttpClient
from tests.upstream import Upstream, amber_of, client_of

USER = (Message("user", "Why?"),)
QUESTION = ChatRequest(USER, "m")
UUID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {}}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}

EVERY_PARAMETER: Mapping[str, Mapping[str, Any]] = {
    "amber": {
        "stream": True, "temperature": 0.7, "tools": [{"function": {"name": "webSearch"}}],
        "metadata": {"agent_id": UUID, "files": ["f"], "language": "en"},
    },
    "amber-openai": {
        "audio": {"voice": "x", "format": "mp3"}, "frequency_penalty": 2.0,
        "function_call": "auto", "functions": [{"name": "f"}], "logit_bias": {"50256": -100},
        "logprobs": True, "max_completion_tokens": 5, "max_tokens": 300, "metadata": {"a": "b"},
        "modalities": ["text", "audio"], "n": 2, "parallel_tool_calls": False,
        "prediction": {"type": "content", "content": "x"}, "presence_penalty": -2,
        "prompt_cache_key": "k", "prompt_cache_retention": "24h", "reasoning_effort": "low",
        "response_format": {"type": "json_object"}, "safety_identifier": "s", "seed": -1,
        "service_tier": "flex", "stop": ["a", "b"], "store": False, "stream": True,
        "stream_options": {"include_usage": False, "include_obfuscation": None},
        "temperature": 2, "tool_choice": "auto", "top_logprobs": 20, "top_p": 0, "user": "u",
        "verbosity": "low", "web_search_options": {},
    },
    "morpheus": {
        "temperature": 1, "top_p": 0.5, "n": 2, "stream": True, "stop": ["a", 5], "max_tokens": 9,
        "presence_penalty": -1, "frequency_penalty": 0.1, "tool_choice": "none",
        "session_id": "0xabc",
    },
    "adaptive": {
        "stop": ["x"], "max_tokens": 0, "temperature": 0.5, "top_p": 0.5, "max_ttft_ms": 100,
        "stream": True, "stream_options": {"include_usage": False}, "session_id": UUID,
        "user": UUID, "ab_campaign": "spring", "n": 2, "labels": {"a": "b"},
        "metadata": {"a": "b"}, "system_prompt_args": {"name": 5}, "tags": ["t"],
        "use_tools": True, "tools": [{"id": "search", "enabled": True}], "store": False,
    },
}  # fmt: skip


def api_on(http: HttpClient, name: str, *, stream: bool = True) -> CompletionsApi:
    """The API of that name; those that list no models have two."""
    models = ("support/llama-3", "support")
    match name:
        case "amber":
            return amber_of(http, stream=stream)
        case "amber-openai":
            return AmberOpenAiApi(http, stream=stream, models=models)
        case "morpheus":
            return MorpheusApi(http, stream=stream)
    return AdaptiveApi(http, stream=stream, models=models)


async def asked(
    upstream: Upstream,
    api: str = "amber",
    request: ChatRequest = QUESTION,
    *,
    stream: bool = True,
    **variables: str,
) -> list[ChatDelta]:
    """The pieces of the answer to `request`."""
    with anyio.fail_after(10):
        async with client_of(upstream.settings(**variables)) as http:
            async with aclosing(api_on(http, api, stream=stream).chat(request)) as deltas:
                return [delta async for delta in deltas]


def body_of(deltas: list[ChatDelta]) -> dict[str, Json]:
    """The body that the pieces make together."""
    accumulator = CompletionAccumulator()
    for delta in deltas:
        accumulator.add(delta.chunk)
    return accumulator.body()


def sent(upstream: Upstream) -> list[dict[str, Any]]:
    """The bodies of the requests that came."""
    return [json.loads(seen.body) for seen in upstream.seen]
