"""Nothing goes out that the API does not document, and a refusal says who has it."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from amber_mcp.api.request_check import check_request
from amber_mcp.api.types import ChatRequest, Message
from amber_mcp.errors import AmberError, InvalidRequest, Unsupported, describe
from amber_mcp.model_routing import REQUEST_MODELS
from tests.api.asking import CALL, EVERY_PARAMETER, FUNCTION, UUID
from tests.test_api_table import DOCUMENTED

AMBER, OPENAI, MORPHEUS, ADAPTIVE = ALL = "amber", "amber-openai", "morpheus", "adaptive"
IMAGE = {"type": "image_url", "image_url": {"url": "https://x.example"}}
TEXT = {"type": "text", "text": "x"}


def check(api: str, *messages: Message, **more: Any) -> None:
    request = ChatRequest(messages or (Message("user", "Why?"),), "m", **more)
    check_request(request, api, REQUEST_MODELS)


def refusal(api: str, *messages: Message, **more: Any) -> AmberError:
    with pytest.raises(AmberError) as error:
        check(api, *messages, **more)
    return error.value


@pytest.mark.parametrize("api", ALL)
def test_the_models_have_what_the_documents_have(api: str) -> None:
    seed = DOCUMENTED[{AMBER: "000", OPENAI: "002", MORPHEUS: "003", ADAPTIVE: "004"}[api]]
    documented = {*seed["request"].split(), *seed.get("referred", "").split()}
    model = REQUEST_MODELS[api]
    assert model.model_fields.keys() == documented
    functions = {"tools"} if model.takes_functions else set()
    assert EVERY_PARAMETER[api].keys() == documented - functions - {"model", "messages"}
    if message := seed.get("message"):
        assert model.message_fields() == set(message.split())


@pytest.mark.parametrize(
    ("api", "parameters"),
    [
        *EVERY_PARAMETER.items(),
        (AMBER, {"metadata": {"agent_id": None}, "tools": []}),
        (OPENAI, {"stop": "END", "tool_choice": {"type": "function", "function": {"name": "f"}}}),
        (MORPHEUS, {"stop": "END", "max_tokens": 0, "tool_choice": {}}),
        (ADAPTIVE, {"temperature": 0, "metadata": None}),
    ],
)
def test_documented_values_pass(api: str, parameters: dict) -> None:
    check(api, parameters=parameters)


def test_messages_of_every_documented_form_pass() -> None:
    parts = [TEXT, IMAGE]
    check(OPENAI, Message("developer", "x"), Message("user", parts))
    check(OPENAI, Message("assistant", None, {"tool_calls": [CALL], "refusal": "No."}))
    check(OPENAI, Message("tool", "5", {"tool_call_id": "c"}), functions=(FUNCTION,))
    check(MORPHEUS, Message("user", "x", {"name": "me"}), Message("system", "y"))
    check(MORPHEUS, Message("assistant", None, {"tool_calls": [CALL]}), functions=(FUNCTION,))
    check(ADAPTIVE, Message("anything", parts, {"metadata": {"a": 1}, "completion_id": UUID}))
    check(AMBER, Message("system", "x"), Message("user", "y"), Message("assistant", "z"))


def test_functions_of_every_documented_form_pass() -> None:
    check(OPENAI, functions=({"type": "custom", "custom": {"name": "f"}},))
    strict = {"type": "function", "function": {"name": "f", "strict": True, "description": None}}
    check(OPENAI, functions=(strict,))
    check(MORPHEUS, functions=(strict,))


@pytest.mark.parametrize(
    ("api", "name", "value", "told"),
    [
        (AMBER, "temperature", "hot", "must be a number, not 'hot'"),
        (AMBER, "temperature", True, "must be a number, not True"),
        (AMBER, "temperature", float("inf"), "must be a finite number, not inf"),
        (AMBER, "temperature", float("nan"), "must be a finite number, not nan"),
        (
            AMBER,
            "metadata",
            {"agentid": "x"},
            "`agent_id`, `files`, `language`, not `agentid`",
        ),
        (AMBER, "metadata", {"files": "f"}, ".files` must be a list, not 'f'"),
        (AMBER, "metadata", {"files": [5]}, ".files.0` must be text, not 5"),
        (AMBER, "metadata", [], "must be an object, not []"),
        (AMBER, "tools", [{"function": {"name": "x"}}], "'amberSearch' or 'webSearch', not 'x'"),
        (AMBER, "tools", [{"function": {"name": "webSearch"}}] * 2, "must be a list of at most 1"),
        (AMBER, "tools", "webSearch", "must be a list"),
        (AMBER, "tools", [{}], ".0` must be an object with `function`, not {}"),
        (AMBER, "tools", [{"function": {}}], ".0.function` must be an object with `name`"),
        (AMBER, "stream", 1, "must be true or false"),
        (OPENAI, "max_tokens", 1.5, "must be a whole number"),
        (OPENAI, "tool_choice", 5, "must be text or an object"),
        (OPENAI, "temperature", 2.1, "must be at most 2, not 2.1"),
        (OPENAI, "top_logprobs", 21, "must be at most 20, not 21"),
        (OPENAI, "logit_bias", {"1": 101}, ".1` must be at most 100"),
        (OPENAI, "stop", ["a"] * 5, "must be text or a list of at most 4"),
        (OPENAI, "functions", [{}], ".0` must be an object with `name`"),
        (MORPHEUS, "stop", 5, "must be text or a list"),
        (MORPHEUS, "n", True, "must be a whole number"),
        (MORPHEUS, "session_id", 5, "must be text"),
        (ADAPTIVE, "max_tokens", -1, "must be at least 0, not -1"),
        (ADAPTIVE, "max_tokens", 2**40, "must be at most 2147483647"),
        (ADAPTIVE, "n", 2**31, "must be at most 2147483647"),
        (ADAPTIVE, "max_ttft_ms", 2**63, "must be at most 9223372036854775807"),
        (ADAPTIVE, "session_id", "abc", "must be a UUID"),
        (ADAPTIVE, "labels", {"a": 1}, ".a` must be text"),
        (ADAPTIVE, "labels", [], "must be an object"),
        (ADAPTIVE, "system_prompt_args", "x", "must be an object"),
        (ADAPTIVE, "store", "yes", "must be true or false"),
        (ADAPTIVE, "tools", [{"id": 5, "enabled": True}], ".0.id` must be text, not 5"),
        (ADAPTIVE, "tools", [{}], ".0` must be an object with `id`"),
        (ADAPTIVE, "tools", [{"id": "x"}], ".0` must be an object with `enabled`"),
        (ADAPTIVE, "stream_options", {"a": 1}, "not `a`"),
        (ADAPTIVE, "stop", "x" * 500, "must be a list"),
    ],
)
def test_a_value_that_does_not_fit_is_named(api: str, name: str, value: Any, told: str) -> None:
    error = refusal(api, parameters={name: value})
    assert isinstance(error, InvalidRequest)
    assert error.message.startswith(f"`parameters.{name}")
    assert told in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize(
    ("api", "field", "value", "told"),
    [
        (ADAPTIVE, "completion_id", "nope", "` must be a UUID"),
        (ADAPTIVE, "name", 5, "` must be text, not 5"),
        (MORPHEUS, "tool_calls", "zzz", "` must be a list"),
        (MORPHEUS, "tool_call_id", 5, "` must be text"),
        (OPENAI, "tool_calls", [{}], ".0` must be an object with a `type`"),
        (
            OPENAI,
            "tool_calls",
            [{**CALL, "function": {"name": "f"}}],
            ".0.function` must be an object with `arguments`",
        ),
        (OPENAI, "content", 5, "` must be text or a list"),
        (OPENAI, "content", ["x"], ".0` must be an object with a `type`"),
        (OPENAI, "content", [{}], ".0` must be an object with a `type`"),
        (OPENAI, "content", [{"type": "text"}], ".0` must be an object with `text`"),
        (OPENAI, "content", [{**TEXT, "text": 5}], ".0.text` must be text"),
        (OPENAI, "content", [{**TEXT, "y": 1}], "not `y`"),
        (
            OPENAI,
            "content",
            [{**IMAGE, "image_url": {"url": "u", "detail": 5}}],
            ".0.image_url.detail` must be 'auto', 'low' or 'high'",
        ),
        (ADAPTIVE, "content", [{**IMAGE, "alt": "x"}], "not `alt`"),
    ],
)
def test_what_a_message_holds_is_checked(api: str, field: str, value: Any, told: str) -> None:
    message = Message("user", value) if field == "content" else Message("user", "x", {field: value})
    error = refusal(api, message)
    assert isinstance(error, InvalidRequest)
    assert error.message.startswith(f"`messages.0.{field}")
    assert told in error.message


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ({}, "`tools.0` must be an object with a `type`"),
        ({"type": "function"}, "`tools.0` must be an object with `function`"),
        ({"type": "function", "function": {}}, "`tools.0.function` must be an object with `name`"),
        ({**FUNCTION, "cache": 1}, "not `cache`"),
        ({"type": "function", "function": {"name": "f", "x": 1}}, "not `x`"),
        ({"type": "custom", "custom": {}}, "`tools.0.custom` must be an object with `name`"),
    ],
)
def test_what_a_function_holds_is_checked(function: dict, told: str) -> None:
    error = refusal(OPENAI, functions=(function,))
    assert isinstance(error, InvalidRequest)
    assert told in error.message


@pytest.mark.parametrize(
    ("api", "request_", "what", "where"),
    [
        (AMBER, {"parameters": {"top_p": 1}}, "the parameter `top_p`", "morpheus, adaptive"),
        (OPENAI, {"parameters": {"session_id": "x"}}, "`session_id`", "morpheus, adaptive"),
        (MORPHEUS, {"parameters": {"labels": {}}}, "`labels`", "adaptive"),
        (ADAPTIVE, {"parameters": {"nonsense": 1}}, "`nonsense`", "no other API does"),
        (AMBER, {"functions": (FUNCTION,)}, "function `tools`", "amber-openai, morpheus"),
        (ADAPTIVE, {"functions": (FUNCTION,)}, "function `tools`", "amber-openai, morpheus"),
        (AMBER, Message("developer", "x"), "the role `developer`", "openai, morpheus, adaptive"),
        (OPENAI, Message("critic", "x"), "the role `critic`", "morpheus, adaptive"),
        (AMBER, Message("tool", "x"), "the role `tool`", "amber-openai, morpheus"),
        (AMBER, Message("user", "x", {"name": "me"}), "`messages.0.name`", "morpheus, adaptive"),
        (OPENAI, Message("user", "x", {"metadata": {}}), "`messages.0.metadata`", "adaptive"),
        (MORPHEUS, Message("user", "x", {"completion_id": UUID}), "completion_id", "adaptive"),
        (AMBER, Message("assistant", None), "without content", "amber-openai, morpheus"),
        (ADAPTIVE, Message("assistant", None), "without content", "amber-openai, morpheus"),
        (AMBER, Message("user", []), "content in parts", "amber-openai, adaptive"),
        (MORPHEUS, Message("user", [IMAGE]), "content in parts", "amber-openai, adaptive"),
        (ADAPTIVE, Message("user", [{"type": "file"}]), "content of type `file`", "amber-openai"),
        (OPENAI, Message("user", [{"type": "video"}]), "`video`", "no other API does"),
    ],
)
def test_what_is_not_documented_is_refused_and_who_has_it_is_told(
    api: str, request_: dict | Message, what: str, where: str
) -> None:
    given = (request_,) if isinstance(request_, Message) else ()
    error = refusal(api, *given, **({} if given else request_))
    assert isinstance(error, Unsupported)
    assert error.message.startswith(f"{api} does not document ")
    assert what in error.message
    assert where in describe(error)


def test_who_has_something_is_told_whatever_else_the_request_holds() -> None:
    error = refusal(AMBER, Message("user", [IMAGE]), parameters={"top_p": 1})
    assert "morpheus, adaptive" in error.next_step


def test_messages_are_needed() -> None:
    with pytest.raises(InvalidRequest, match="empty"):
        check_request(ChatRequest((), "m"), OPENAI, REQUEST_MODELS)


@pytest.mark.parametrize("name", ["model", "messages", "tools"])
def test_what_has_an_argument_of_its_own_is_sent_there(name: str) -> None:
    for api in (OPENAI, MORPHEUS):
        error = refusal(api, parameters={name: "x"})
        assert isinstance(error, InvalidRequest)
        assert f"Pass it as `{name}`." in describe(error)


def test_numbers_of_any_length_are_told() -> None:
    error = refusal(ADAPTIVE, parameters={"max_tokens": 10**5000})
    assert isinstance(error, InvalidRequest)


@pytest.mark.parametrize(
    ("api", "body"),
    [
        (AMBER, {"messages": [{"role": "critic"}] * 99}),
        (AMBER, {f"p{number}": 1 for number in range(99)}),
        (AMBER, {"metadata": {f"p{number}": 1 for number in range(99)}}),
        (AMBER, {"metadata": {"files": [5] * 99}}),
        (OPENAI, {"stop": [5] * 99}),
        (OPENAI, {"logit_bias": {str(number): "x" for number in range(99)}}),
        (OPENAI, {"messages": [{"role": "user", "content": [{"type": "text"}] * 99}]}),
        (MORPHEUS, {"tools": [{}] * 99}),
        (ADAPTIVE, {"labels": {str(number): number for number in range(99)}}),
    ],
)
def test_of_many_faults_few_are_collected(api: str, body: dict) -> None:
    with pytest.raises(ValidationError) as error:
        REQUEST_MODELS[api].model_validate({"messages": [], "model": "m", **body})
    assert error.value.error_count() <= 3


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "function", "text", "url", "x"]), inner)
    ),
    max_leaves=8,
)
NAMES = sorted({name for known in EVERY_PARAMETER.values() for name in known})
FIELDS = sorted({name for model in REQUEST_MODELS.values() for name in model.message_fields()})


@given(
    st.sampled_from(ALL),
    st.dictionaries(st.sampled_from([*NAMES, "nonsense"]), ANY, max_size=3),
    st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=3),
    st.lists(st.dictionaries(st.sampled_from(["type", "function", "custom"]), ANY), max_size=2),
)
@settings(max_examples=150, deadline=None)
def test_whatever_does_not_fit_is_told_in_words_of_our_own(
    api: str, parameters: dict, fields: dict, functions: list[dict]
) -> None:
    more = {name: fields[name] for name in fields if name not in ("role", "content")}
    message = Message("user", fields.get("content", "Why?"), more)
    with suppress(InvalidRequest, Unsupported):
        check(api, message, parameters=parameters, functions=tuple(functions))
