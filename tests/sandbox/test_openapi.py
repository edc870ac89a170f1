"""The sandbox's own description: it has what the seeds have, and the sandbox keeps to it."""

from typing import Any

import httpx2
import hypothesis
import pytest
import schemathesis
from hypothesis.configuration import set_hypothesis_home_dir
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from amber_mcp.sandbox import Sandbox

from .conftest import WEATHER

CHECKED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
AMBER, MORPHEUS, ADAPTIVE = "/api/beta", "/morpheus/api/v1", "/adaptive/api/v1"
OPERATIONS = [
    *(("GET", path) for path in (f"{AMBER}/amberai/models", f"{AMBER}/amberai/models/{{model}}")),
    ("GET", f"{MORPHEUS}/models"),
    *(
        ("POST", path)
        for path in (
            f"{AMBER}/amberai/chat/completions",
            f"{AMBER}/files/upload",
            f"{AMBER}/openai/v1/chat/completions",
            f"{MORPHEUS}/chat/completions",
            f"{ADAPTIVE}/chat/completions",
            f"{ADAPTIVE}/outcome",
            f"{ADAPTIVE}/comparison",
        )
    ),
]
# The fields that the documents name, and no others.
REQUESTS = {
    f"{AMBER}/amberai/chat/completions": "messages model stream temperature metadata tools",
    # Seed 002 refers to OpenAI's "Create chat completion" for these.
    f"{AMBER}/openai/v1/chat/completions": (
        "messages model frequency_penalty logit_bias max_completion_tokens "
        "max_tokens metadata modalities n parallel_tool_calls presence_penalty "
        "prompt_cache_key prompt_cache_retention reasoning_effort response_format "
        "safety_identifier seed service_tier stop store stream stream_options temperature "
        "tool_choice tools top_p user verbosity"
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
EXISTING: dict[str, dict[str, Any]] = {
    f"{AMBER}/amberai/chat/completions": {"model": "sandbox-brief", "metadata": {}},
    f"{AMBER}/openai/v1/chat/completions": {
        "model": "azure/sandbox-quote",
        "messages": [{"role": "user", "content": "How is the weather?"}],
        "tools": [WEATHER],
        "tool_choice": "auto",
    },
    f"{MORPHEUS}/chat/completions": {"model": "sandbox-quote", "session_id": None},
    f"{ADAPTIVE}/chat/completions": {"model": "sandbox", "tools": None, "labels": {}},
}
"""Values by which a request names what the sandbox has."""


@pytest.fixture(scope="module")
def described(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the sandbox says of itself, to a caller without a key."""
    set_hypothesis_home_dir(tmp_path_factory.mktemp("hypothesis"))
    yield httpx2.get(f"{sandbox.base_url}/openapi.json", trust_env=False).json()
    set_hypothesis_home_dir(None)


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        (*operation, mode)
        for operation in OPERATIONS
        for mode in schemathesis.GenerationMode
        if operation[0] == "POST" or mode.is_positive
    ],
)
def test_what_fits_the_description_is_answered_as_described_and_else_refused(
    described: Any, sandbox: Sandbox, method: str, path: str, mode: schemathesis.GenerationMode
):
    operation = schemathesis.openapi.from_dict(described)[path][method]
    keys = {AMBER: sandbox.api_key, MORPHEUS: sandbox.morpheus_key, ADAPTIVE: sandbox.adaptive_key}
    headers = {"Authorization": f"Bearer {next(keys[api] for api in keys if api in path)}"}
    existing = EXISTING.get(path, {}) if mode.is_positive else {}
    statuses = set()

    @hypothesis.settings(
        max_examples=8,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[*hypothesis.HealthCheck],
    )
    @hypothesis.given(case=operation.as_strategy(mode))
    def ask(case: schemathesis.Case) -> None:
        if isinstance(case.body, dict):
            case.body = {**case.body, **existing}
        response = case.call_and_validate(
            base_url=sandbox.base_url, headers=headers, checks=CHECKED
        )
        statuses.add(response.status_code)

    ask()
    if mode.is_negative:
        assert statuses & {400, 422}
    else:
        assert statuses <= {200, 201, 400, 404, 422}
        assert not existing or 200 in statuses


def test_all_operations_are_described(described: dict[str, Any]):
    found = {
        (method.upper(), path)
        for path, operations in described["paths"].items()
        for method in operations
    }
    assert found == set(OPERATIONS)


@pytest.mark.parametrize("path", REQUESTS)
def test_requests_have_the_fields_of_the_documents(described: dict[str, Any], path: str):
    content = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    assert properties(described, content) == set(REQUESTS[path].split())


@pytest.mark.parametrize("path", ANSWERS)
def test_answers_have_the_fields_of_the_documents(described: dict[str, Any], path: str):
    content = described["paths"][path]["post"]["responses"]["200"]["content"]
    assert properties(described, content["application/json"]) == set(ANSWERS[path].split())
    assert "text/event-stream" in content


def properties(described: dict[str, Any], content: dict[str, Any]) -> set[str]:
    name = content["schema"]["$ref"].removeprefix("#/components/schemas/")
    return set(described["components"]["schemas"][name]["properties"])
