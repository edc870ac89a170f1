"""Routing: which API a model belongs to, in time, and never by guessing."""

import anyio
import pytest
from starlette.responses import JSONResponse

from amber_mcp.app import open_app
from amber_mcp.config.settings import Settings
from amber_mcp.errors import InvalidRequest, NotConfigured, NotFound, describe
from amber_mcp.model_routing import list_all_models, route_model
from tests.upstream import Canned, stalled_stream

MODELS = JSONResponse({"data": [{"id": "m"}, {"id": "m"}]})


async def routed(settings: Settings, model: str, within: float = 5) -> tuple[str, str]:
    with anyio.fail_after(10):
        async with open_app(settings) as app:
            api, model_id = await route_model(app, model, within=within)
            return api.name, model_id


@pytest.mark.parametrize("model", ["m", " m ", "amber: m", " amber:m", "amber : m"])
async def test_a_model_is_found_though_it_is_listed_twice(upstream: Canned, model: str) -> None:
    async with upstream(MODELS) as canned:
        assert await routed(canned.settings(), model) == ("amber", "m")


async def test_a_silent_api_holds_nothing_up_and_a_bare_id_is_not_guessed(
    upstream: Canned,
) -> None:
    async with upstream(MODELS) as amber, upstream(stalled_stream) as morpheus:
        settings = amber.settings(MORPHEUS_BASE_URL=morpheus.base_url, MORPHEUS_API_KEY="sk-x")
        with pytest.raises(InvalidRequest) as refused:
            await routed(settings, "m", within=0.3)
        with pytest.raises(NotFound) as missing:
            await routed(settings, "other", within=0.3)
        async with open_app(settings) as app:
            listed = await list_all_models(app.apis, within=0.3)
    assert "morpheus did not list models and may have the model 'm'" in refused.value.message
    assert "Say which: amber:m." in describe(refused.value)
    assert "morpheus did not list models" in missing.value.message
    assert [model.id for model in listed.models] == ["m", "m"]
    assert listed.failures["morpheus"].kind == "upstream_timeout"


@pytest.mark.parametrize(
    ("variables", "model", "told"),
    [
        ({}, "m", "AMBER_BASE_URL is not set"),
        ({"MORPHEUS_BASE_URL": "https://x.example"}, "morpheus:m", "MORPHEUS_API_KEY is not set"),
        ({"MORPHEUS_BASE_URL": "https://x.example"}, "m", "MORPHEUS_API_KEY is not set"),
        ({"ADAPTIVE_API_KEY": "key-of-adaptive"}, "m", "ADAPTIVE_BASE_URL is not set"),
        (
            {"AMBER_BASE_URL": "https://x.example", "MORPHEUS_BASE_URL": "https://x.example"},
            "m",
            "AMBER_API_KEY is not set",
        ),
    ],
)
async def test_what_is_missing_is_named(variables: dict, model: str, told: str) -> None:
    with pytest.raises(NotConfigured) as error:
        await routed(Settings.from_environment(variables), model)
    assert told in error.value.message
    if "AMBER_API_KEY" not in told and "AMBER_BASE" not in told:
        assert "AMBER_" not in error.value.message
