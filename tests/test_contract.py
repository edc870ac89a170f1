"""The lists of resources, templates and prompts: a promise, as the tools' schemas are one."""

import json
import os
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS
from pydantic import BaseModel

from amber_mcp.config.settings import Settings
from amber_mcp.server import build_server
from tests.test_server import Connect, connect

__all__ = ["connect"]

SNAPSHOT = Path(__file__).parent / "contract.json"


def wire(listed: list[Any]) -> list[dict[str, Any]]:
    def one(each: BaseModel) -> dict[str, Any]:
        return each.model_dump(mode="json", by_alias=True, exclude_none=True)

    return [one(each) for each in listed]


async def test_the_lists_are_what_was_agreed(connect: Connect) -> None:
    """To change them on purpose, run with UPDATE_SNAPSHOTS=1 and look at what git shows."""
    async with connect(Settings()) as client:
        now = {
            "resources": wire((await client.list_resources()).resources),
            "resourceTemplates": wire((await client.list_resource_templates()).resource_templates),
            "prompts": wire((await client.list_prompts()).prompts),
        }
    if "UPDATE_SNAPSHOTS" in os.environ:
        SNAPSHOT.write_text(json.dumps(now, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert now == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_what_is_served_is_advertised_and_nothing_else(
    mode: Literal["legacy", "auto"],
) -> None:
    async with Client(build_server(Settings(), local_files=True), mode=mode) as client:
        told = client.server_capabilities.model_dump(by_alias=True, exclude_none=True)
    assert set(told) == {"completions", "prompts", "resources", "tools"}
    assert not any(any(options.values()) for options in told.values())


async def test_a_cursor_that_was_never_given_out_is_refused(connect: Connect) -> None:
    async with connect(Settings()) as client:
        for ask in (
            client.list_tools,
            client.list_resources,
            client.list_resource_templates,
            client.list_prompts,
        ):
            assert (await ask(cursor="")).next_cursor is None
            with pytest.raises(MCPError) as error:
                await ask(cursor="page-2")
            assert error.value.code == INVALID_PARAMS
            assert "'page-2'" in error.value.message


async def test_each_thing_has_words_for_a_person(connect: Connect) -> None:
    async with connect(Settings()) as client:
        listed: list[Any] = [
            *(await client.list_resources()).resources,
            *(await client.list_resource_templates()).resource_templates,
            *(await client.list_prompts()).prompts,
        ]
    for each in listed:
        assert each.title
        assert each.description.endswith("."), each.name
        for argument in getattr(each, "arguments", ()):
            assert argument.title
            assert argument.description.endswith("."), argument.name
