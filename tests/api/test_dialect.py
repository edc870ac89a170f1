"""Dialects: nothing goes out that the API does not document, and a refusal says who has it."""

import pytest

from amber_mcp.api.adaptive import AdaptiveApi
from amber_mcp.api.amber import AmberApi
from amber_mcp.api.amber_openai import AmberOpenAiApi
from amber_mcp.api.dialect import Dialect
from amber_mcp.api.morpheus import MorpheusApi
from amber_mcp.api.types import ChatRequest, Message
from amber_mcp.errors import AmberError, InvalidRequest, Unsupported, describe

AMBER, OPENAI = AmberApi.dialect, AmberOpenAiApi.dialect
MORPHEUS, ADAPTIVE = MorpheusApi.dialect, AdaptiveApi.dialect
ALL = (AMBER, OPENAI, MORPHEUS, ADAPTIVE)
UUID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {}}}

DOCUMENTED = {
    "amber": {"stream", "temperature", "metadata", "tools"},
    "amber-openai": {
        "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
        "max_completion_tokens", "max_tokens", "metadata", "modalities", "n",
        "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key",
        "prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier",
        "seed", "service_tier", "stop", "store", "stream", "stream_options", "temperature",
        "tool_choice", "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
    },
    "morpheus": {
        "temperature", "top_p", "n", "stream", "stop", "max_tokens", "presence_penalty",
        "frequency_penalty", "tool_choice", "session_id",
    },
    "adaptive": {
        "stop", "max_tokens", "temperature", "top_p", "max_ttft_ms", "stream", "stream_options",
        "session_id", "user", "ab_campaign", "n", "labels", "metadata", "system_prompt_args",
        "tags", "use_tools", "tools", "store",
    },
}  # fmt: skip

GOOD = [
    (AMBER, {"temperature": 0.7, "stream": False}),
    (AMBER, {"metadata": {"agent_id": UUID, "files": ["f"], "language": "en"}}),
    (AMBER, {"metadata": {"agent_id": None}}),
    (AMBER, {"tools": []}),
    (AMBER, {"tools": [{"function": {"name": "webSearch"}}]}),
    (OPENAI, {"max_tokens": 300, "tool_choice": "auto", "stream": True}),
    (OPENAI, {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
    (OPENAI, {"temperature": 2, "top_p": 0, "n": 1, "stop": ["a", "b"], "seed": -1, "user": "u"}),
    (OPENAI, {"presence_penalty": -2, "frequency_penalty": 2.0, "max_completion_tokens": 5}),
    (OPENAI, {"logprobs": True, "top_logprobs": 20, "logit_bias": {"50256": -100}}),
    (OPENAI, {"response_format": {"type": "json_object"}, "reasoning_effort": "low"}),
    (OPENAI, {"parallel_tool_calls": False, "service_tier": "flex", "store": False}),
    (OPENAI, {"stream_options": {"include_usage": True, "include_obfuscation": None}}),
    (OPENAI, {"modalities": ["text", "audio"], "audio": {"voice": "x", "format": "mp3"}}),
    (OPENAI, {"prediction": {"type": "content", "content": "x"}, "verbosity": "low"}),
    (OPENAI, {"metadata": {"a": "b"}, "prompt_cache_key": "k", "prompt_cache_retention": "24h"}),
    (OPENAI, {"safety_identifier": "s", "web_search_options": {}}),
    (OPENAI, {"functions": [{"name": "f"}], "function_call": "auto"}),
    (MORPHEUS, {"stop": "END", "n": 2, "session_id": "0xabc", "stream": True}),
    (MORPHEUS, {"stop": ["a", 5], "presence_penalty": -1, "frequency_penalty": 0.5}),
    (MORPHEUS, {"temperature": 1, "top_p": 1, "max_tokens": 0, "tool_choice": "none"}),
    (ADAPTIVE, {"stop": ["x"], "max_tokens": 0, "max_ttft_ms": 5, "n": 1, "store": False}),
    (ADAPTIVE, {"stream_options": {"include_usage": True}, "session_id": UUID, "user": UUID}),
    (ADAPTIVE, {"labels": {"a": "b"}, "metadata": {"a": "b"}, "tags": ["t"], "use_tools": True}),
    (ADAPTIVE, {"tools": [{"id": "search", "enabled": False}], "ab_campaign": "spring"}),
    (ADAPTIVE, {"system_prompt_args": {"name": 5}, "temperature": 0, "top_p": 0.5, "stream": True}),
]
BAD = [
    (AMBER, {"temperature": "hot"}, "`parameters.temperature` must be a number"),
    (AMBER, {"temperature": True}, "must be a number"),
    (AMBER, {"temperature": float("inf")}, "must be a number, not inf"),
    (AMBER, {"temperature": float("nan")}, "must be a number, not nan"),
    (AMBER, {"metadata": {"agentid": "x"}}, "not `agentid`"),
    (AMBER, {"metadata": {"files": "f"}}, "whose `files` is a list"),
    (AMBER, {"metadata": {"files": [5]}}, "whose `files` is a list in which each is text"),
    (AMBER, {"metadata": []}, "an object with `agent_id`, `files`, `language`"),
    (AMBER, {"tools": [{"function": {"name": "shell"}}]}, "one of `amberSearch`, `webSearch`"),
    (AMBER, {"tools": [{"function": {"name": "webSearch"}}] * 2}, "a list of at most 1"),
    (AMBER, {"tools": "webSearch"}, "a list of at most 1"),
    (AMBER, {"tools": [{}]}, "an object with `function`"),
    (AMBER, {"tools": [{"function": {}}]}, "whose `function` is an object with `name`"),
    (AMBER, {"stream": 1}, "true or false"),
    (OPENAI, {"max_tokens": 1.5}, "a whole number"),
    (OPENAI, {"tool_choice": 5}, "text or an object"),
    (OPENAI, {"temperature": 2.1}, "a number of at least 0 and at most 2"),
    (OPENAI, {"top_logprobs": 21}, "a whole number of at least 0 and at most 20"),
    (OPENAI, {"logit_bias": {"1": 101}}, "an object in which each is a number of at least -100"),
    (OPENAI, {"stop": ["a"] * 5}, "text or a list of at most 4"),
    (OPENAI, {"functions": [{}]}, "a list in which each is an object with `name`"),
    (MORPHEUS, {"stop": 5}, "text or a list"),
    (MORPHEUS, {"n": True}, "a whole number"),
    (MORPHEUS, {"session_id": 5}, "text"),
    (ADAPTIVE, {"max_tokens": -1}, "a whole number of at least 0"),
    (ADAPTIVE, {"max_tokens": 2**40}, "a whole number of at least 0 and at most 2147483647"),
    (ADAPTIVE, {"n": 2**31}, "at most 2147483647"),
    (ADAPTIVE, {"max_ttft_ms": 2**63}, "at most 9223372036854775807"),
    (ADAPTIVE, {"session_id": "abc"}, "a UUID"),
    (ADAPTIVE, {"labels": {"a": 1}}, "an object in which each is text"),
    (ADAPTIVE, {"labels": []}, "an object"),
    (ADAPTIVE, {"system_prompt_args": "x"}, "an object"),
    (ADAPTIVE, {"store": "yes"}, "true or false"),
    (ADAPTIVE, {"tools": [{"id": 5, "enabled": True}]}, "each is an object whose `id` is text"),
    (ADAPTIVE, {"tools": [{}]}, "each is an object with `id`"),
    (ADAPTIVE, {"tools": [{"id": "x"}]}, "each is an object with `enabled`"),
    (ADAPTIVE, {"stream_options": {"a": 1}}, "not `a`"),
    (ADAPTIVE, {"stop": "x" * 500}, "a list"),
]


def check(dialect: Dialect, *messages: Message, **more: object) -> None:
    request = ChatRequest(messages or (Message("user", "Why?"),), "m", **more)
    dialect.check(request, ALL)


def refusal(dialect: Dialect, *messages: Message, **more: object) -> AmberError:
    with pytest.raises(AmberError) as error:
        check(dialect, *messages, **more)
    return error.value


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.name)
def test_the_parameters_are_those_of_the_documents(dialect: Dialect) -> None:
    assert set(dialect.parameters) == DOCUMENTED[dialect.name]


@pytest.mark.parametrize(("dialect", "parameters"), GOOD)
def test_documented_values_pass(dialect: Dialect, parameters: dict) -> None:
    check(dialect, parameters=parameters)


def test_every_documented_parameter_is_tried() -> None:
    tried = {(dialect.name, name) for dialect, parameters in GOOD for name in parameters}
    assert tried == {(name, each) for name, known in DOCUMENTED.items() for each in known}


@pytest.mark.parametrize(("dialect", "parameters", "told"), BAD)
def test_a_value_that_does_not_fit_is_named(dialect: Dialect, parameters: dict, told: str) -> None:
    error = refusal(dialect, parameters=parameters)
    assert isinstance(error, InvalidRequest)
    assert told in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize(
    ("dialect", "more", "what", "where"),
    [
        (AMBER, {"parameters": {"top_p": 1}}, "the parameter `top_p`", "morpheus, adaptive"),
        (OPENAI, {"parameters": {"session_id": "x"}}, "`session_id`", "morpheus, adaptive"),
        (MORPHEUS, {"parameters": {"labels": {}}}, "`labels`", "adaptive"),
        (ADAPTIVE, {"parameters": {"nonsense": 1}}, "`nonsense`", "no other API does"),
        (AMBER, {"functions": (FUNCTION,)}, "function `tools`", "amber-openai, morpheus"),
        (ADAPTIVE, {"functions": (FUNCTION,)}, "function `tools`", "amber-openai, morpheus"),
    ],
)
def test_what_is_not_documented_is_refused_and_who_has_it_is_told(
    dialect: Dialect, more: dict, what: str, where: str
) -> None:
    error = refusal(dialect, **more)
    assert isinstance(error, Unsupported)
    assert what in error.message
    assert dialect.name in error.message
    assert where in describe(error)


@pytest.mark.parametrize(
    ("dialect", "message", "what", "where"),
    [
        (
            AMBER,
            Message("developer", "x"),
            "the role `developer`",
            "amber-openai, morpheus, adaptive",
        ),
        (OPENAI, Message("critic", "x"), "the role `critic`", "morpheus, adaptive"),
        (AMBER, Message("tool", "x", {"tool_call_id": "c"}), "the role `tool`", "morpheus"),
        (AMBER, Message("user", "x", {"name": "me"}), "`messages.0.name`", "morpheus, adaptive"),
        (OPENAI, Message("user", "x", {"metadata": {}}), "`messages.0.metadata`", "adaptive"),
        (AMBER, Message("user", []), "content in parts", "amber-openai, adaptive"),
        (MORPHEUS, Message("user", "x", {"completion_id": UUID}), "completion_id", "adaptive"),
        (AMBER, Message("assistant", None), "without content", "amber-openai, morpheus"),
        (ADAPTIVE, Message("assistant", None), "without content", "amber-openai, morpheus"),
        (
            MORPHEUS,
            Message("user", [{"type": "image_url", "image_url": {"url": "https://x.example"}}]),
            "content of type `image_url`",
            "amber-openai, adaptive",
        ),
        (ADAPTIVE, Message("user", [{"type": "file"}]), "content of type `file`", "amber-openai"),
        (OPENAI, Message("user", [{"type": "video"}]), "`video`", "no other API"),
    ],
)
def test_a_message_that_is_not_documented_is_refused(
    dialect: Dialect, message: Message, what: str, where: str
) -> None:
    error = refusal(dialect, message)
    assert isinstance(error, Unsupported)
    assert what in error.message
    assert where in describe(error)


@pytest.mark.parametrize(
    ("content", "told"),
    [(5, "must be text, a list of parts, or null"), (["x"], "with a `type`"), ([{}], "a `type`")],
)
def test_content_of_another_kind_is_invalid(content: object, told: str) -> None:
    error = refusal(OPENAI, Message("user", content))
    assert isinstance(error, InvalidRequest)
    assert told in error.message


def test_messages_are_needed() -> None:
    with pytest.raises(InvalidRequest, match="empty"):
        OPENAI.check(ChatRequest((), "m"), ALL)


def test_messages_of_every_documented_form_pass() -> None:
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": "u"}}]
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    check(OPENAI, Message("developer", "x"), Message("user", parts))
    check(OPENAI, Message("assistant", None, {"tool_calls": [call], "refusal": "No."}))
    check(OPENAI, Message("tool", "5", {"tool_call_id": "c"}), functions=(FUNCTION,))
    check(MORPHEUS, Message("user", "x", {"name": "me"}), Message("system", "y"))
    check(MORPHEUS, Message("assistant", None, {"tool_calls": [call]}), functions=(FUNCTION,))
    check(ADAPTIVE, Message("anything", parts, {"metadata": {"a": 1}, "completion_id": UUID}))
    check(AMBER, Message("system", "x"), Message("user", "y"), Message("assistant", "z"))


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://x.example"}}


@pytest.mark.parametrize(
    ("dialect", "message", "told"),
    [
        (
            ADAPTIVE,
            Message("user", "x", {"completion_id": "nope"}),
            "completion_id` must be a UUID",
        ),
        (ADAPTIVE, Message("user", "x", {"name": 5}), "`messages.0.name` must be text, not 5"),
        (MORPHEUS, Message("assistant", "x", {"tool_calls": "zzz"}), "tool_calls` must be a list"),
        (MORPHEUS, Message("tool", "x", {"tool_call_id": 5}), "tool_call_id` must be text"),
        (OPENAI, Message("assistant", None, {"tool_calls": [{}]}), "`type` is one of `function`"),
        (
            OPENAI,
            Message("assistant", None, {"tool_calls": [{**CALL, "function": {"name": "f"}}]}),
            "`function` is an object with `arguments`",
        ),
        (OPENAI, Message("user", [{"type": "text"}]), "an object with `text`"),
        (OPENAI, Message("user", [{"type": "text", "text": 5}]), "whose `text` is text"),
        (OPENAI, Message("user", [{"type": "text", "text": "x", "y": 1}]), "not `y`"),
        (OPENAI, Message("user", [{**IMAGE, "image_url": {"url": "u", "detail": 5}}]), "`detail`"),
        (ADAPTIVE, Message("user", [{**IMAGE, "alt": "x"}]), "not `alt`"),
    ],
)
def test_what_a_message_holds_is_checked(dialect: Dialect, message: Message, told: str) -> None:
    error = refusal(dialect, message)
    assert isinstance(error, InvalidRequest)
    assert told in error.message


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ({}, "an object whose `type` is one of `function`, `custom`"),
        ({"type": "function"}, "an object with `function`"),
        ({"type": "function", "function": {}}, "whose `function` is an object with `name`"),
        ({**FUNCTION, "cache": 1}, "not `cache`"),
        ({"type": "function", "function": {"name": "f", "x": 1}}, "not `x`"),
        ({"type": "custom", "custom": {}}, "whose `custom` is an object with `name`"),
    ],
)
def test_what_a_function_holds_is_checked(function: dict, told: str) -> None:
    error = refusal(OPENAI, functions=(function,))
    assert isinstance(error, InvalidRequest)
    assert told in error.message


def test_functions_of_every_documented_form_pass() -> None:
    check(OPENAI, functions=({"type": "custom", "custom": {"name": "f"}},))
    strict = {"type": "function", "function": {"name": "f", "strict": True, "description": None}}
    check(OPENAI, functions=(strict,))
    check(MORPHEUS, functions=(strict,))


@pytest.mark.parametrize("name", ["model", "messages", "tools"])
def test_what_has_an_argument_of_its_own_is_sent_there(name: str) -> None:
    for dialect in (OPENAI, MORPHEUS):
        error = refusal(dialect, parameters={name: "x"})
        assert isinstance(error, InvalidRequest)
        assert f"Pass it as `{name}`." in describe(error)


def test_numbers_of_any_length_are_told() -> None:
    error = refusal(ADAPTIVE, parameters={"max_tokens": 10**5000})
    assert isinstance(error, InvalidRequest)
