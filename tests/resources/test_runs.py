"""A run of an agent as a resource: while it goes on, and when it has ended."""

from datetime import UTC, datetime, timedelta

import pytest

from amber_mcp.config.settings import Settings
from tests.resources.test_listing import FIXED
from tests.resources.test_reading import NOT_FOUND, read, refusal
from tests.runs.test_run_agent import TASK, half, run_agent, settings_of
from tests.test_server import Connect, connect, structured
from tests.upstream import Canned, completion

__all__ = ["connect"]


async def test_a_run_reads_as_far_as_it_is(connect: Connect, upstream: Canned) -> None:
    async with upstream(half) as canned:
        async with connect(settings_of(canned)) as client:
            run = structured(await run_agent(client, **{**TASK, "task": "Sum up.\nBriefly."}))
            uri = f"amber://runs/{run['run_id']}"
            contents = await read(client, uri)
            (listed,) = (await client.list_resources()).resources[len(FIXED) :]
            await run_agent(client, run_id=run["run_id"], stop=True)
            ended = await read(client, uri)
    assert contents.mime_type == "text/markdown"
    assert contents.text.startswith(
        f"# Sum up. Briefly.\n\nrun_id: {run['run_id']}\n\n## Task (agent a"
    )
    assert "\n\n> Sum up.\n> Briefly.\n\n## Running\n\n" in contents.text
    assert "The answer so far, which may be incomplete:\n\nHalf" in contents.text
    assert "## Stopped" in ended.text
    assert (str(listed.uri), listed.title) == (uri, "Sum up. Briefly.")
    assert listed.description == "A run of the agent a: running."
    assert listed.annotations is not None
    assert listed.annotations.last_modified is not None
    modified = datetime.fromisoformat(listed.annotations.last_modified)
    assert abs(datetime.now(UTC) - modified) < timedelta(minutes=1)


async def test_a_run_is_listed_in_one_short_harmless_line(
    connect: Connect, upstream: Canned
) -> None:
    agent = f"a\nb\x1b[2J{'c' * 200}"
    async with upstream(completion("Done.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            run = structured(await run_agent(client, agent=agent, task="Go."))
            (listed,) = [
                each
                for each in (await client.list_resources()).resources
                if each.uri.startswith("amber://runs/")
            ]
            text = (await read(client, f"amber://runs/{run['run_id']}")).text
    shown = f"a b{'c' * 76}…"
    assert listed.description is not None
    assert listed.description.startswith(f"A run of the agent {shown}: ")
    assert f"## Task (agent {shown}, " in text


async def test_a_run_that_is_done_reads_with_its_answer(connect: Connect, upstream: Canned) -> None:
    async with upstream(completion("All done.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            run = structured(await run_agent(client, **TASK))
            text = (await read(client, f"amber://runs/{run['run_id']}")).text
            assert run["conversation_id"] in text
            conversation = f"amber://conversations/{run['conversation_id']}"
            assert "All done." in (await read(client, conversation)).text
    assert "## Completed\n\nAll done." in text


async def test_a_long_task_is_cut(connect: Connect, upstream: Canned) -> None:
    async with upstream(completion("Done.")) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_MAX_HISTORY_CHARS="100")
        async with connect(settings) as client:
            run = structured(await run_agent(client, agent="a", task="t" * 500))
            text = (await read(client, f"amber://runs/{run['run_id']}")).text
    assert f"\n> {'t' * 100}… (cut)\n" in text


async def test_without_configuration_a_run_is_not_looked_for(connect: Connect) -> None:
    async with connect(Settings()) as client:
        error = await refusal(client, "amber://runs/run_none")
    assert error.message.startswith("not_configured: ")


@pytest.mark.parametrize("run_id", ["run_none", "", "a/b", "{id}"])
async def test_a_run_that_is_not_there_is_not_found(
    connect: Connect, settings: Settings, run_id: str
) -> None:
    async with connect(settings) as client:
        error = await refusal(client, f"amber://runs/{run_id}")
        assert error.error.code == NOT_FOUND[client.protocol_version]
