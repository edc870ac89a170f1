"""Resources, prompts and completions of the real program: both eras, over stdio and HTTP."""

import base64
import json
from collections.abc import AsyncIterator

import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference, ResourceTemplateReference, TextContent, TextResourceContents
from starlette.responses import Response

from tests.conftest import SandboxProgram
from tests.e2e.programs import ENVELOPE, StdioProgram, stdio_program
from tests.e2e.test_python_clients import ERAS, connected, facts
from tests.planted import KEY
from tests.upstream import Canned

NOT_FOUND = {"2025-11-25": -32002, "2026-07-28": -32602}


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_what_was_asked_and_uploaded_is_found_again(
    transport: str, mode: str, sandbox: SandboxProgram
) -> None:
    async with connected(transport, mode, dict(sandbox.environment)) as client:
        question = {"question": "How many vacation days do I get?"}
        _, answered = facts(await client.call_tool("ask_amber", question))
        talk = answered["conversation_id"]
        sent = {
            "content_base64": base64.b64encode(b"The lighthouse opens in June.").decode(),
            "filename": "lighthouse.txt",
        }
        _, uploaded = facts(await client.call_tool("upload_file", sent))

        listed = (await client.list_resources()).resources
        assert [each.uri for each in listed[:3]] == [
            "amber://models",
            "amber://agents",
            "amber://files",
        ]
        assert {each.uri: each.title for each in listed}[f"amber://conversations/{talk}"] == (
            question["question"]
        )
        texts: dict[str, str] = {}
        for each in listed:
            (contents,) = (await client.read_resource(each.uri)).contents
            assert isinstance(contents, TextResourceContents)
            assert contents.mime_type == each.mime_type
            texts[each.uri] = contents.text
        assert answered["answer"].strip() in texts[f"amber://conversations/{talk}"]
        assert uploaded["file_id"] in texts["amber://files"]
        template, of_runs = (await client.list_resource_templates()).resource_templates
        assert of_runs.uri_template == "amber://runs/{id}"

        ids = await client.complete(
            ResourceTemplateReference(uri=template.uri_template), {"name": "id", "value": talk[:9]}
        )
        assert ids.completion.values == [talk]
        models = await client.complete(
            PromptReference(name="research"), {"name": "model", "value": "sandbox/"}
        )
        assert models.completion.values == ["sandbox/detailed"]

        (message,) = (
            await client.get_prompt("summarise_file", {"file": "lighthouse.txt"})
        ).messages
        assert isinstance(message.content, TextContent)
        assert uploaded["file_id"] in message.content.text

        with pytest.raises(MCPError) as error:
            await client.read_resource("amber://conversations/conv_none")
        assert error.value.code == NOT_FOUND[ERAS[mode]]
        with pytest.raises(MCPError) as error:
            await client.get_prompt("research", {})
        assert error.value.code == -32602
        assert "`question` is missing" in error.value.message


@pytest.mark.parametrize(("transport", "mode"), [("stdio", "legacy"), ("http", "auto")])
async def test_an_odd_model_is_neither_listed_nor_completed(
    transport: str, mode: str, upstream: Canned
) -> None:
    body = rb'{"data": [{"id": "m-\ud83d"}, {"id": "ok"}]}'
    async with upstream(Response(body, media_type="application/json")) as canned:
        variables = {"AMBER_BASE_URL": canned.base_url, "AMBER_API_KEY": KEY}
        async with connected(transport, mode, variables) as client:
            found = await client.complete(
                PromptReference(name="research"), {"name": "model", "value": ""}
            )
            (contents,) = (await client.read_resource("amber://models")).contents
    assert found.completion.values == ["ok"]
    assert isinstance(contents, TextResourceContents)
    assert [each["id"] for each in json.loads(contents.text)["models"]] == ["ok"]


@pytest.fixture(scope="module")
async def program() -> AsyncIterator[StdioProgram]:
    async with stdio_program() as program:
        await program.handshake()
        yield program


REF = r'"ref":{"type":"ref/prompt","name":"research"}'


@pytest.mark.parametrize(
    ("method", "params", "told"),
    [
        ("resources/read", r'{"uri":"amber://conversations/\ud83d"}', '"code": -32002'),
        ("prompts/get", r'{"name":"\ud83d"}', '"code": -32602'),
        ("prompts/get", '{"name":"research","arguments":{"question":5}}', '"code": -32602'),
        (
            "completion/complete",
            rf'{{{REF},"argument":{{"name":"\ud83d","value":"\ud83d"}}}}',
            '"code": -32602',
        ),
        (
            "completion/complete",
            rf'{{{REF},"argument":{{"name":"model","value":"\ud83d"}}}}',
            '"values": []',
        ),
    ],
)
async def test_what_no_client_sends_is_answered(
    program: StdioProgram, method: str, params: str, told: str
) -> None:
    line = f'{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}'
    await program.send_line(line.encode())
    assert told in json.dumps(await program.answer_to(1))


async def test_a_discovery_advertises_what_is_served() -> None:
    async with stdio_program() as program:
        await program.send("server/discover", {"_meta": ENVELOPE}, request_id=1)
        told = (await program.answer_to(1))["result"]["capabilities"]
    assert set(told) == {"completions", "prompts", "resources", "tools"}
    assert "true" not in json.dumps(told)
