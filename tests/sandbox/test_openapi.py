from collections.abc import Iterator
from typing import Any

import anyio.from_thread
import httpx2
import hypothesis
import pytest
import schemathesis
from hypothesis.configuration import set_hypothesis_home_dir
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from amber_mcp.sandbox import Sandbox, adaptive_catalog, openapi, running_sandbox

from .conftest import DOCUMENTS, WEATHER, WEB, write

CHECKED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
AMBER, MORPHEUS, ADAPTIVE = "/api/beta", "/morpheus/api/v1", "/adaptive/api/v1"
OPERATIONS = [
    ("GET", f"{AMBER}/amberai/models"),
    ("GET", f"{AMBER}/amberai/models/{{model}}"),
    ("POST", f"{AMBER}/amberai/chat/completions"),
    ("POST", f"{AMBER}/files/upload"),
    ("POST", f"{AMBER}/openai/v1/chat/completions"),
    ("GET", f"{MORPHEUS}/models"),
    ("POST", f"{MORPHEUS}/chat/completions"),
    ("POST", f"{ADAPTIVE}/chat/completions"),
    ("POST", f"{ADAPTIVE}/outcome"),
    ("POST", f"{ADAPTIVE}/comparison"),
]
# The fields that the documents name, and no others.
REQUESTS = {
    f"{AMBER}/amberai/chat/completions": "messages model stream temperature metadata tools",
    # Seed 002 refers to OpenAI's "Create chat completion" for these.
    f"{AMBER}/openai/v1/chat/completions": (
        "messages model audio frequency_penalty logit_bias logprobs max_completion_tokens "
        "max_tokens metadata modalities n parallel_tool_calls prediction presence_penalty "
        "prompt_cache_key prompt_cache_retention reasoning_effort response_format "
        "safety_identifier seed service_tier stop store stream stream_options temperature "
        "tool_choice tools top_logprobs top_p user verbosity web_search_options"
    ),
    f"{MORPHEUS}/chat/completions": (
        "model messages temperature top_p n stream stop max_tokens presence_penalty "
        "frequency_penalty tools tool_choice session_id"
    ),
    f"{ADAPTIVE}/chat/completions": (
        "messages model stop max_tokens temperature top_p max_ttft_ms stream stream_options "
        "session_id user ab_campaign n labels metadata system_prompt_args tags use_tools tools "
        "store"
    ),
}
ANSWERS = {
    f"{AMBER}/amberai/chat/completions": (
        "id created model choices usage object service_tier system_fingerprint"
    ),
    f"{ADAPTIVE}/chat/completions": "id created choices session_id usage",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox in a thread of its own, as schemathesis blocks while it waits."""
    root = tmp_path_factory.mktemp("openapi")
    set_hypothesis_home_dir(root / "hypothesis")
    serving = running_sandbox(
        documents=write(root / "documents", DOCUMENTS), web=write(root / "web", WEB), pace=0
    )
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving) as sandbox,
    ):
        yield sandbox
    set_hypothesis_home_dir(None)


@pytest.fixture(scope="module")
def described(running: Sandbox) -> dict[str, Any]:
    """What the sandbox says of itself, to a caller without a key."""
    response = httpx2.get(f"{running.base_url}/openapi.json", trust_env=False)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    description: dict[str, Any] = response.json()
    return description


def headers_for(path: str, sandbox: Sandbox) -> dict[str, str]:
    keys = {
        AMBER: sandbox.api_key,
        MORPHEUS: sandbox.morpheus_key,
        ADAPTIVE: sandbox.adaptive_key,
    }
    return {"Authorization": f"Bearer {next(keys[api] for api in keys if path.startswith(api))}"}


def existing(path: str, sandbox: Sandbox) -> dict[str, Any]:
    """Values of fields by which a request names what the sandbox has."""
    session, completion = begun(sandbox)
    metric = {"metric": "helpfulness", "user_id": str(adaptive_catalog.USER.id)}
    return {
        f"{AMBER}/amberai/chat/completions": {
            "model": "sandbox-brief",
            "metadata": {"agent_id": sandbox.agents["hr"]},
        },
        f"{AMBER}/openai/v1/chat/completions": {
            "model": sandbox.openai_models[0],
            "messages": [{"role": "user", "content": "How is the weather?"}],
            "tools": [WEATHER],
            "tool_choice": "auto",
        },
        f"{MORPHEUS}/chat/completions": {
            "model": "sandbox-quote",
            "tools": None,
            "session_id": None,
            "messages": [{"role": "user", "content": "Hello!"}],
        },
        f"{ADAPTIVE}/chat/completions": {
            "messages": [{"role": "user", "content": "Hello!"}],
            "model": sandbox.adaptive_models[0],
            "user": None,
            "ab_campaign": adaptive_catalog.CAMPAIGN.key,
            "tools": None,
            "labels": {},
            "metadata": {},
        },
        f"{ADAPTIVE}/outcome": {
            **metric,
            "project_id": "sandbox",
            "session_id": session,
            "value": 1,
        },
        f"{ADAPTIVE}/comparison": {
            **metric,
            "project": "sandbox",
            "preferred_completion": completion,
            "other_completion": {"text": "No.", "model": sandbox.adaptive_models[0]},
        },
    }.get(path, {})


def begun(sandbox: Sandbox) -> tuple[str, str]:
    """A session of Adaptive, and a completion in it."""
    path = f"{ADAPTIVE}/chat/completions"
    response = httpx2.post(
        f"{sandbox.base_url}{path}",
        headers=headers_for(path, sandbox),
        json={"model": "sandbox", "messages": [{"role": "user", "content": "Hello!"}]},
        trust_env=False,
    )
    answer = response.json()
    return answer["session_id"], answer["choices"][0]["completion_id"]


def check(
    described: dict[str, Any],
    sandbox: Sandbox,
    method: str,
    path: str,
    mode: schemathesis.GenerationMode,
    replaced: dict[str, Any],
) -> set[int]:
    """Ask with generated requests, and say with which statuses they were answered."""
    operation = schemathesis.openapi.from_dict(described)[path][method]
    statuses = set()

    @hypothesis.settings(
        max_examples=20,
        derandomize=True,
        database=None,
        deadline=None,
        # Large bodies are slow to make, and many of the wrong ones are filtered out.
        suppress_health_check=[
            hypothesis.HealthCheck.too_slow,
            hypothesis.HealthCheck.filter_too_much,
            hypothesis.HealthCheck.data_too_large,
        ],
    )
    @hypothesis.given(case=operation.as_strategy(mode))
    def ask(case: schemathesis.Case) -> None:
        if isinstance(case.body, dict):
            case.body = {**case.body, **replaced}
        response = case.call_and_validate(
            base_url=sandbox.base_url, headers=headers_for(path, sandbox), checks=CHECKED
        )
        statuses.add(response.status_code)

    ask()
    return statuses


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_what_fits_the_description_is_answered_as_described(
    described: dict[str, Any], running: Sandbox, method: str, path: str
):
    statuses = check(described, running, method, path, schemathesis.GenerationMode.POSITIVE, {})
    assert statuses <= {200, 201, 400, 404, 422}


@pytest.mark.parametrize(("method", "path"), [each for each in OPERATIONS if each[0] == "POST"])
@pytest.mark.parametrize("stream", [False, True])
def test_what_names_things_that_exist_is_answered(
    described: dict[str, Any], running: Sandbox, method: str, path: str, stream: bool
):
    replaced = existing(path, running)
    if path in REQUESTS:
        replaced["stream"] = stream
    statuses = check(
        described, running, method, path, schemathesis.GenerationMode.POSITIVE, replaced
    )
    assert statuses & {200, 201}


@pytest.mark.parametrize(("method", "path"), [each for each in OPERATIONS if each[0] == "POST"])
def test_what_does_not_fit_the_description_is_refused_as_described(
    described: dict[str, Any], running: Sandbox, method: str, path: str
):
    statuses = check(described, running, method, path, schemathesis.GenerationMode.NEGATIVE, {})
    assert statuses & {400, 422}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
def test_who_may_not_ask_is_told_so_as_described(
    described: dict[str, Any], running: Sandbox, method: str, path: str, host: str
):
    url = running.base_url + path.format(model="sandbox-brief")
    response = httpx2.request(method, url, headers={"Host": host}, trust_env=False)
    operation = described["paths"][path][method.lower()]
    open_to_all = not operation["security"] and host == "127.0.0.1"
    assert response.status_code == (200 if open_to_all else 401 if host == "127.0.0.1" else 421)
    answer = operation["responses"][str(response.status_code)]
    schema = answer["content"]["application/json"]["schema"]
    Draft202012Validator(schema).validate(response.json())


def test_all_operations_are_described(described: dict[str, Any]):
    assert described == openapi.describe()
    found = {
        (method.upper(), path)
        for path, operations in described["paths"].items()
        for method in operations
    }
    assert found == set(OPERATIONS)
    names = {
        operation["operationId"]
        for operations in described["paths"].values()
        for operation in operations.values()
    }
    assert len(names) == len(OPERATIONS)


@pytest.mark.parametrize("path", REQUESTS)
def test_requests_have_the_fields_of_the_documents(described: dict[str, Any], path: str):
    content = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    name = content["schema"]["$ref"].removeprefix("#/components/schemas/")
    assert set(described["components"]["schemas"][name]["properties"]) == set(
        REQUESTS[path].split()
    )


@pytest.mark.parametrize("path", ANSWERS)
def test_answers_have_the_fields_of_the_documents(described: dict[str, Any], path: str):
    content = described["paths"][path]["post"]["responses"]["200"]["content"]
    assert set(content["application/json"]["schema"]["properties"]) == set(ANSWERS[path].split())
    assert "text/event-stream" in content
