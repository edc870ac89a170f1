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
    "amber": {"temperature", "metadata", "tools"},
    "amber-openai": {"max_tokens", "tool_choice"},
    "morpheus": {
        "temperature", "top_p", "n", "stop", "max_tokens", "presence_penalty",
        "frequency_penalty", "tool_choice", "session_id",
    },
    "adaptive": {
        "stop", "max_tokens", "temperature", "top_p", "max_ttft_ms", "stream_options",
        "session_id", "user", "ab_campaign", "n", "labels", "metadata", "system_prompt_args",
        "tags", "use_tools", "tools", "store",
    },
}  # fmt: skip

GOOD = [
    (AMBER, {"temperature": 0.7}),
    (AMBER, {"metadata": {"agent_id": UUID, "files": ["f"], "language": "en"}}),
    (AMBER, {"tools": []}),
    (AMBER, {"tools": [{"function": {"name": "webSearch"}}]}),
    (OPENAI, {"max_tokens": 300, "tool_choice": "auto"}),
    (OPENAI, {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
    (MORPHEUS, {"stop": "END", "n": 2, "session_id": "0xabc"}),
    (MORPHEUS, {"stop": ["a", "b"], "presence_penalty": -1, "frequency_penalty": 0.5}),
    (MORPHEUS, {"temperature": 1, "top_p": 1, "max_tokens": 0, "tool_choice": "none"}),
    (ADAPTIVE, {"stop": ["x"], "max_tokens": 0, "max_ttft_ms": 5, "n": 1, "store": False}),
    (ADAPTIVE, {"stream_options": {"include_usage": True}, "session_id": UUID, "user": UUID}),
    (ADAPTIVE, {"labels": {"a": "b"}, "metadata": {"a": "b"}, "tags": ["t"], "use_tools": True}),
    (ADAPTIVE, {"tools": [{"id": "search", "enabled": False}], "ab_campaign": "spring"}),
    (ADAPTIVE, {"system_prompt_args": {"name": 5}, "temperature": 0, "top_p": 0.5}),
]
BAD = [
    (AMBER, {"temperature": "hot"}, "`parameters.temperature` must be a number"),
    (AMBER, {"temperature": True}, "must be a number"),
    (AMBER, {"metadata": {"agentid": "x"}}, "not `agentid`"),
    (AMBER, {"metadata": {"files": "f"}}, "whose `files` is a list of texts"),
    (AMBER, {"metadata": []}, "an object with `agent_id`, `files`, `language`"),
    (AMBER, {"tools": [{"function": {"name": "shell"}}]}, "one of `amberSearch`, `webSearch`"),
    (AMBER, {"tools": [{"function": {"name": "webSearch"}}] * 2}, "a list of at most 1"),
    (AMBER, {"tools": "webSearch"}, "a list of at most 1"),
    (OPENAI, {"max_tokens": 1.5}, "a whole number"),
    (OPENAI, {"tool_choice": 5}, "text or an object"),
    (MORPHEUS, {"stop": 5}, "text or a list of texts"),
    (MORPHEUS, {"n": True}, "a whole number"),
    (MORPHEUS, {"session_id": 5}, "text"),
    (ADAPTIVE, {"max_tokens": -1}, "a whole number of at least 0"),
    (ADAPTIVE, {"session_id": "abc"}, "a UUID"),
    (ADAPTIVE, {"labels": {"a": 1}}, "an object of texts"),
    (ADAPTIVE, {"system_prompt_args": "x"}, "an object"),
    (ADAPTIVE, {"store": "yes"}, "true or false"),
    (ADAPTIVE, {"tools": [{"id": 5}]}, "a list in which each is an object whose `id` is text"),
    (ADAPTIVE, {"stream_options": {"a": 1}}, "not `a`"),
    (ADAPTIVE, {"stop": "x" * 500}, "a list of texts"),
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
        (OPENAI, {"parameters": {"tools": []}}, "`tools`", "amber, adaptive"),
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
        (AMBER, Message("developer", "x"), "the role `developer`", "amber-openai, adaptive"),
        (MORPHEUS, Message("developer", "x"), "the role `developer`", "amber-openai, adaptive"),
        (AMBER, Message("tool", "x", {"tool_call_id": "c"}), "the role `tool`", "morpheus"),
        (AMBER, Message("user", "x", {"name": "me"}), "`messages.0.name`", "morpheus, adaptive"),
        (OPENAI, Message("user", "x", {"name": "me"}), "`messages.0.name`", "morpheus"),
        (MORPHEUS, Message("user", "x", {"completion_id": UUID}), "completion_id", "adaptive"),
        (AMBER, Message("assistant", None), "without content", "amber-openai, morpheus"),
        (ADAPTIVE, Message("assistant", None), "without content", "amber-openai, morpheus"),
        (
            MORPHEUS,
            Message("user", [{"type": "image_url", "image_url": {"url": "https://x.example"}}]),
            "content of type `image_url`",
            "amber-openai, adaptive",
        ),
        (OPENAI, Message("user", [{"type": "input_audio"}]), "`input_audio`", "no other API"),
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
    check(OPENAI, Message("assistant", None, {"tool_calls": [call], "refusal": None}))
    check(OPENAI, Message("tool", "5", {"tool_call_id": "c"}), functions=(FUNCTION,))
    check(MORPHEUS, Message("user", "x", {"name": "me"}), Message("system", "y"))
    check(MORPHEUS, Message("assistant", None, {"tool_calls": [call]}), functions=(FUNCTION,))
    check(ADAPTIVE, Message("anything", parts, {"metadata": {"a": 1}, "completion_id": UUID}))
    check(AMBER, Message("system", "x"), Message("user", "y"), Message("assistant", "z"))
