"""amber's own API over a real socket, against seeds 000 and 001."""

import json
import uuid
from pathlib import Path

import anyio
import httpx2
import pytest

from amber_mcp.sandbox import Sandbox, running_sandbox

from .conftest import COMPANY, PAGES, Caller, calling, client_of, write

API = "amber"
VACATION = "Wie viele Tage Urlaub habe ich im Jahr?"


async def test_models_are_listed_and_described(api: Caller):
    for path in ("amberai/models", "amberai/models/"):
        body = (await api.http.get(path)).json()
        assert body["object"] == "list"
        assert [model["id"] for model in body["data"]] == ["sandbox-brief", "sandbox/detailed"]
    for path in ("sandbox-brief", "sandbox/detailed", "sandbox%2Fdetailed"):
        model = (await api.http.get(f"amberai/models/{path}")).json()
        assert (model["id"], model["object"]) == (path.replace("%2F", "/"), "model")
    for response in (
        await api.http.get("amberai/models/azure-gpt-4o"),
        await api.post(model="x", stream=True),
    ):
        assert (response.status_code, response.json()) == (404, {"detail": "Model not found"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "chat/completions"),
        ("POST", "chat/completions/chatcmpl-1"),
        ("DELETE", "models/sandbox-brief"),
        ("POST", "completions"),
    ],
)
async def test_other_routes_exist_but_do_not_function(api: Caller, method: str, path: str):
    response = await api.http.request(method, f"amberai/{path}")
    assert (response.status_code, list(response.json())) == (501, ["detail"])


async def test_the_other_routes_want_the_key_too(stranger: httpx2.AsyncClient):
    for method, path in (("GET", "amberai/models"), ("POST", "files/upload")):
        assert (await stranger.request(method, f"/api/beta/{path}")).status_code == 401


async def test_a_completion_has_the_documented_body(api: Caller):
    body = await api.completed(messages=[{"role": "user", "content": VACATION}], tools=COMPANY)
    assert body.pop("id").startswith("chatcmpl-")
    assert isinstance(body.pop("created"), int)
    usage = body.pop("usage")
    assert usage["prompt_tokens"] == 8
    assert usage["total_tokens"] == 8 + usage["completion_tokens"]
    assert "30 Tage Urlaub" in body["choices"][0]["message"].pop("content")
    message = {"role": "assistant"}
    assert body == {
        "model": "sandbox-brief",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "object": "chat.completion",
        "service_tier": "default",
        "system_fingerprint": "default",
    }


async def test_the_language_is_german_unless_said_otherwise(api: Caller):
    for metadata in ({}, {"language": "de"}, {"language": "DE-at"}):
        assert "Antwort aus der Sandbox" in await api.ask("Urlaub", metadata=metadata)
    assert "Answer from the sandbox" in await api.ask("Urlaub", metadata={"language": "nl"})


async def test_answers_link_what_they_quote(
    api: Caller, stranger: httpx2.AsyncClient, sandbox: Sandbox
):
    url = f"{sandbox.documents_url}/hr/sick%20leave.md"
    answer = await api.ask("I am ill, what now?")
    assert f"Source: [Sick leave (hr/sick leave.md)]({url})" in answer
    assert "Call your manager" in (await stranger.get(url)).text
    answer = await api.ask("What carries a stone bridge?", tools=PAGES)
    assert "(https://bridges.example/stone?a=1&b=2)" in answer
    answer = await api.ask("Statutory leave in Germany?", tools=PAGES)
    assert f"({sandbox.web_url}/leave.md)" in answer


async def test_each_search_reads_its_own_collection(api: Caller):
    assert 'Nothing found in 6 documents for "stone' in await api.ask("stone bridges arches")
    assert "Nothing found in 2 saved web pages" in await api.ask("Kennwort", tools=PAGES)
    for text in (
        await api.ask(VACATION, tools=[]),
        await api.answer(VACATION, metadata={"language": "en"}),
    ):
        assert "Nothing was searched" in text
        assert "30 Tage" not in text


async def test_the_last_user_message_is_the_question(api: Caller):
    messages = [
        {"role": "system", "content": "Be brief about passwords."},
        {"role": "user", "content": "I am ill, what now?"},
        {"role": "assistant", "content": "Call your manager.", "refusal": None, "tool_calls": None},
        {"role": "user", "content": "And a certificate?"},
    ]
    answer = await api.ask("", messages=messages, temperature=1.9)
    assert "medical certificate" in answer
    assert "Password rules" not in answer
    assert "no question" in await api.ask("", messages=messages[:1])


async def test_unknown_agents_and_files_are_not_found(api: Caller):
    for metadata, detail in [
        ({"agent_id": str(uuid.UUID(int=5))}, "Agent not found"),
        ({"agent_id": "no uuid"}, "Agent not found"),
        ({"files": [str(uuid.UUID(int=5))]}, "File not found"),
    ]:
        response = await api.post(metadata=metadata)
        assert (response.status_code, response.json()) == (404, {"detail": detail})


async def test_an_agent_searches_its_own_folders(api: Caller, sandbox: Sandbox):
    metadata = {"agent_id": sandbox.agents["it"].upper(), "language": "en"}
    assert "14 characters" in await api.ask("How long is a password?", metadata=metadata)
    answer = await api.ask("Wie viele Urlaubstage?", metadata=metadata)
    assert "Agent **it**\n" in answer
    assert "Nothing found in 2 documents" in answer
    assert "arches" in await api.ask("stone bridges", metadata=metadata, tools=PAGES)
    assert "Nothing was searched" in await api.ask("password", metadata=metadata, tools=[])


async def test_agents_of_a_list_keep_their_ids_and_manners(tmp_path: Path, web: Path):
    number = "9676b2b0-9fdd-40b1-8a0a-0debe64b29ac"
    listed = json.dumps(
        {"agents": [{"id": number, "name": "Guide", "instructions": "Guides. Well."}]}
    )
    folder = write(tmp_path / "own", {"a.md": "# Valve\n\nA valve.", "agents.json": listed})
    async with running_sandbox(documents=folder, web=web) as own, calling(own, "amber") as api:
        assert own.agents == {"Guide": number}
        answer = await api.ask("valve", metadata={"agent_id": number, "language": "en"})
    assert "Agent **Guide**: Guides." in answer


async def upload(api: Caller, name: str, content: bytes) -> str:
    response = await api.http.post("files/upload", files={"file": (name, content)})
    assert response.status_code == 200, response.text
    number: str = response.json()["id"]
    return number


async def test_an_upload_says_what_it_took(api: Caller):
    files = {"file": ("C:\\my notes\\Größe.md", b"# Size\n\nIt is big.", "text/markdown")}
    body = (await api.http.post("files/upload", files=files)).json()
    assert uuid.UUID(body.pop("id"))
    assert body == {"filename": "Größe.md", "size": 18, "content_type": "text/markdown"}
    for name in ("noend", "x.ü ü", "..", "a.png"):
        response = await api.http.post("files/upload", files={"file": (name, b"x")})
        (detail,) = response.json()["detail"]
        assert (response.status_code, detail["loc"]) == (422, ["body", "file"])
        assert "not a kind of file" in detail["msg"]


async def test_uploads_answer_questions_that_name_them(api: Caller):
    content = b"# Trip\n\nWe leave on Monday.\n\n# Packing\n\nTake boots and a rope."
    metadata = {"files": [await upload(api, "trip.md", content)], "language": "en"}
    alone = await api.ask("What about boots?", metadata=metadata, tools=[])
    assert "Take boots" in alone
    assert "Source: **trip.md**" in alone
    assert "Nothing was searched" not in alone
    both = await api.ask("boots password", metadata=metadata)
    assert both.index("Take boots") < both.index("14 characters")
    assert "Take boots" not in await api.ask("What about boots?")


async def test_a_file_without_an_answer_is_shown_from_its_beginning(api: Caller):
    numbers = [await upload(api, f"{name}.txt", name.encode()) for name in ("Unus", "Duo")]
    metadata = {"files": numbers, "language": "en"}
    answer = await api.ask("Summarise this", metadata=metadata, tools=[])
    assert "> Unus\n\nBeginning of the file: **Unus.txt**\n\n> Duo" in answer


async def test_an_upload_needs_its_field_and_has_a_limit_of_its_own(api: Caller):
    for sent in ({"files": {"files": ("a.txt", b"x")}}, {"data": {"file": "y"}}, {}):
        response = await api.http.post("files/upload", **sent)  # type: ignore[arg-type]
        assert response.status_code == 422
        assert response.json()["detail"][0]["loc"] == ["body", "file"]
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    response = await api.http.post("files/upload", content=b"--no such boundary", headers=kind)
    assert (response.status_code, list(response.json())) == (400, ["detail"])
    files = {"file": ("large.txt", b"\0" * (17 * 2**20))}
    response = await api.http.post("files/upload", files=files)
    assert (response.status_code, "binary" in response.text) == (422, True)


async def test_a_client_that_leaves_ends_its_stream(documents: Path, web: Path):
    with anyio.fail_after(10):
        async with (
            running_sandbox(documents=documents, web=web, pace=60) as slow,
            client_of(slow.base_url, slow.api_key) as http,
        ):
            body = {"model": "sandbox-brief", "messages": [], "stream": True}
            body["messages"] = [{"role": "user", "content": VACATION}]
            path = "/api/beta/amberai/chat/completions"
            async with http.stream("POST", path, json=body) as response:
                assert "assistant" in await anext(response.aiter_lines())
            ends: list[str] = []
            while ends != ["left"]:
                told = (await http.get("/sandbox/faults")).json()["requests"]
                ends = [each["end"] for each in told]
