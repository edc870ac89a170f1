"""amber's own API over a real socket, against seeds 000 and 001."""

import json
import uuid
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from amber_mcp.sandbox import Sandbox, running_sandbox

from .conftest import COMPANY, PAGES, ask, client_of, events, write

QUESTION = [{"role": "user", "content": "Wie viele Tage Urlaub habe ich im Jahr?"}]
GOOD: dict[str, Any] = {"model": "sandbox-brief", "messages": QUESTION}
CHAT = "amberai/chat/completions"


async def test_models_are_listed_and_described(http: httpx2.AsyncClient):
    for path in ("amberai/models", "amberai/models/"):
        body = (await http.get(path)).json()
        assert body["object"] == "list"
        assert [model["id"] for model in body["data"]] == ["sandbox-brief", "sandbox/detailed"]
    for path in ("sandbox-brief", "sandbox/detailed", "sandbox%2Fdetailed"):
        model = (await http.get(f"amberai/models/{path}")).json()
        assert (model["id"], model["object"]) == (path.replace("%2F", "/"), "model")
    response = await http.get("amberai/models/azure-gpt-4o")
    assert (response.status_code, response.json()) == (404, {"detail": "Model not found"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", CHAT),
        ("POST", f"{CHAT}/chatcmpl-1"),
        ("DELETE", f"{CHAT}/chatcmpl-1"),
        ("GET", f"{CHAT}/chatcmpl-1/messages"),
        ("DELETE", "amberai/models/sandbox-brief"),
        ("POST", "amberai/completions"),
    ],
)
async def test_other_routes_exist_but_do_not_function(
    http: httpx2.AsyncClient, method: str, path: str
):
    response = await http.request(method, path)
    assert (response.status_code, list(response.json())) == (501, ["detail"])


@pytest.mark.parametrize("key", ["", "Bearer", "Bearer wrong", "Basic {key}", "{key}", "Bearer ü"])
async def test_nothing_is_served_without_the_key(
    stranger: httpx2.AsyncClient, sandbox: Sandbox, key: str
):
    header = {b"Authorization": key.format(key=sandbox.api_key).encode()} if key else {}
    for path in ("amberai/models", "openai/v1/chat/completions", CHAT, "files/upload"):
        method = "GET" if path == "amberai/models" else "POST"
        response = await stranger.request(method, f"/api/beta/{path}", headers=header)
        assert (response.status_code, response.json()) == (
            401,
            {"detail": "Invalid or missing API key"},
        )
        assert response.headers["www-authenticate"] == "Bearer"


async def test_a_completion_has_the_documented_body(http: httpx2.AsyncClient):
    body = (await http.post(CHAT, json={**GOOD, "tools": COMPANY})).json()
    assert body.pop("id").startswith("chatcmpl-")
    assert isinstance(body.pop("created"), int)
    usage = body.pop("usage")
    assert usage["prompt_tokens"] == 8
    assert usage["total_tokens"] == 8 + usage["completion_tokens"]
    content = body["choices"][0]["message"].pop("content")
    assert "30 Tage Urlaub" in content
    assert body == {
        "model": "sandbox-brief",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant"},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "object": "chat.completion",
        "service_tier": "default",
        "system_fingerprint": "default",
    }


async def test_the_language_is_german_unless_said_otherwise(http: httpx2.AsyncClient):
    for metadata in ({}, {"language": "de"}, {"language": "DE-at"}):
        assert "Antwort aus der Sandbox" in await ask(http, "Urlaub", metadata=metadata)
    assert "Answer from the sandbox" in await ask(http, "Urlaub", metadata={"language": "nl"})


async def test_answers_link_what_they_quote(
    http: httpx2.AsyncClient, stranger: httpx2.AsyncClient, sandbox: Sandbox
):
    url = f"{sandbox.documents_url}/hr/sick%20leave.md"
    answer = await ask(http, "I am ill, what now?")
    assert f"Source: [Sick leave (hr/sick leave.md)]({url})" in answer
    assert "Call your manager" in (await stranger.get(url)).text
    answer = await ask(http, "What carries a stone bridge?", tools=PAGES)
    assert "(https://bridges.example/stone?a=1&b=2)" in answer
    answer = await ask(http, "Statutory leave in Germany?", tools=PAGES)
    assert f"({sandbox.web_url}/leave.md)" in answer


async def test_each_search_reads_its_own_collection(http: httpx2.AsyncClient):
    assert 'Nothing found in 6 documents for "stone' in await ask(http, "stone bridges arches")
    assert "Nothing found in 2 saved web pages" in await ask(http, "Kennwort", tools=PAGES)
    for fields in ({"tools": []}, {}):
        body = {**GOOD, "metadata": {"language": "en"}, **fields}
        answer = (await http.post(CHAT, json=body)).json()["choices"][0]["message"]["content"]
        assert "Nothing was searched" in answer
        assert "30 Tage" not in answer


async def test_the_last_user_message_is_the_question(http: httpx2.AsyncClient):
    messages = [
        {"role": "system", "content": "Be brief about passwords."},
        {"role": "user", "content": "I am ill, what now?"},
        {"role": "assistant", "content": "Call your manager.", "refusal": None, "tool_calls": None},
        {"role": "user", "content": "And a certificate?"},
    ]
    answer = await ask(http, "", messages=messages, temperature=1.9)
    assert "medical certificate" in answer
    assert "Password rules" not in answer
    assert "no question" in await ask(http, "", messages=messages[:1])


async def test_a_stream_is_the_answer_in_chunks(http: httpx2.AsyncClient):
    body = {**GOOD, "tools": COMPANY, "stream": True}
    chunks = events(await http.post(CHAT, json=body))
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert deltas[-1] == {}
    finishes = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert finishes == [None] * (len(chunks) - 1) + ["stop"]
    text = "".join(delta.get("content", "") for delta in deltas)
    assert text == await ask(http, QUESTION[0]["content"], metadata={})
    response = await http.post(CHAT, json={**body, "model": "x"})
    assert (response.status_code, response.json()) == (404, {"detail": "Model not found"})


LITERAL = "literal_error"


def said(**fields: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": "x", **fields}]}


@pytest.mark.parametrize(
    ("change", "location", "kind"),
    [
        ({"model": None}, ["model"], "string_type"),
        ({"messages": []}, ["messages"], "too_short"),
        (
            {"messages": [{"role": "tool", "content": "x"}]},
            ["messages", 0, "role"],
            LITERAL,
        ),
        ({"messages": [{"role": "user"}]}, ["messages", 0, "content"], "missing"),
        (
            {"messages": [{"role": "user", "content": []}]},
            ["messages", 0, "content"],
            "string_type",
        ),
        ({"tools": COMPANY * 2}, ["tools"], "too_long"),
        (
            {"tools": [{"function": {"name": "x"}}]},
            ["tools", 0, "function", "name"],
            LITERAL,
        ),
        ({"max_tokens": 1}, ["max_tokens"], "extra_forbidden"),
        ({"metadata": {"agent": "x"}}, ["metadata", "agent"], "extra_forbidden"),
        ({"temperature": "hot"}, ["temperature"], "float_parsing"),
        ({"metadata": {"language": 7}}, ["metadata", "language"], "string_type"),
    ],
)
async def test_what_the_documents_do_not_know_is_fastapis_error(
    http: httpx2.AsyncClient, change: dict[str, object], location: list[str | int], kind: str
):
    response = await http.post(CHAT, json={**GOOD, **change})
    assert response.status_code == 422
    (detail,) = response.json()["detail"]
    assert (detail["loc"], detail["type"]) == (["body", *location], kind)
    assert set(detail) == {"loc", "msg", "type"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422), (b"[]", 422), (b"", 422), (b"\xff", 400), (b"[" * 100_000, 400),
    ],
)  # fmt: skip
async def test_what_is_no_body_is_an_error_too(http: httpx2.AsyncClient, body: bytes, status: int):
    headers = {"Content-Type": "application/json"}
    response = await http.post(CHAT, content=body, headers=headers)
    assert (response.status_code, list(response.json())) == (status, ["detail"])


async def test_unknown_agents_and_files_are_not_found(http: httpx2.AsyncClient):
    for metadata, detail in [
        ({"agent_id": str(uuid.UUID(int=5))}, "Agent not found"),
        ({"agent_id": "no uuid"}, "Agent not found"),
        ({"files": [str(uuid.UUID(int=5))]}, "File not found"),
    ]:
        response = await http.post(CHAT, json={**GOOD, "metadata": metadata})
        assert (response.status_code, response.json()) == (404, {"detail": detail})


async def test_an_agent_searches_its_own_folders(http: httpx2.AsyncClient, sandbox: Sandbox):
    metadata = {"agent_id": sandbox.agents["it"].upper(), "language": "en"}
    assert "14 characters" in await ask(http, "How long is a password?", metadata=metadata)
    answer = await ask(http, "Wie viele Urlaubstage?", metadata=metadata)
    assert "Agent **it**\n" in answer
    assert "Nothing found in 2 documents" in answer
    assert "arches" in await ask(http, "stone bridges", metadata=metadata, tools=PAGES)
    assert "Nothing was searched" in await ask(http, "password", metadata=metadata, tools=[])


async def test_agents_of_a_list_keep_their_ids_and_manners(tmp_path: Path, web: Path):
    number = "9676b2b0-9fdd-40b1-8a0a-0debe64b29ac"
    agent = {"id": number, "name": "Guide", "instructions": "Guides. Well."}
    listed = json.dumps({"agents": [agent]})
    folder = write(tmp_path / "own", {"a.md": "# Valve\n\nA valve.", "agents.json": listed})
    async with (
        running_sandbox(documents=folder, web=web) as sandbox,
        client_of(f"{sandbox.base_url}/api/beta/", sandbox.api_key) as http,
    ):
        assert sandbox.agents == {"Guide": number}
        answer = await ask(http, "valve", metadata={"agent_id": number, "language": "en"})
    assert "Agent **Guide**: Guides." in answer


async def upload(http: httpx2.AsyncClient, name: str, content: bytes) -> str:
    response = await http.post("files/upload", files={"file": (name, content)})
    assert response.status_code == 200, response.text
    number: str = response.json()["id"]
    return number


async def test_an_upload_says_what_it_took(http: httpx2.AsyncClient):
    files = {"file": ("C:\\my notes\\Größe.md", b"# Size\n\nIt is big.", "text/markdown")}
    body = (await http.post("files/upload", files=files)).json()
    assert uuid.UUID(body.pop("id"))
    assert body == {"filename": "Größe.md", "size": 18, "content_type": "text/markdown"}
    for name in ("noend", "x.ü ü", "..", "a.png"):
        response = await http.post("files/upload", files={"file": (name, b"x")})
        (detail,) = response.json()["detail"]
        assert (response.status_code, detail["loc"]) == (422, ["body", "file"])
        assert "not a kind of file" in detail["msg"]


async def test_uploads_answer_questions_that_name_them(http: httpx2.AsyncClient):
    content = b"# Trip\n\nWe leave on Monday.\n\n# Packing\n\nTake boots and a rope."
    metadata = {"files": [await upload(http, "trip.md", content)], "language": "en"}
    alone = await ask(http, "What about boots?", metadata=metadata, tools=[])
    assert "Take boots" in alone
    assert "Source: **trip.md**" in alone
    assert "Nothing was searched" not in alone
    both = await ask(http, "boots password", metadata=metadata)
    assert both.index("Take boots") < both.index("14 characters")
    assert "Take boots" not in await ask(http, "What about boots?")


async def test_a_file_without_an_answer_is_shown_from_its_beginning(http: httpx2.AsyncClient):
    numbers = [await upload(http, f"{name}.txt", name.encode()) for name in ("Unus", "Duo")]
    metadata = {"files": numbers, "language": "en"}
    answer = await ask(http, "Summarise this", metadata=metadata, tools=[])
    assert "> Unus\n\nBeginning of the file: **Unus.txt**\n\n> Duo" in answer


async def test_an_upload_needs_its_field(http: httpx2.AsyncClient):
    for sent in ({"files": {"files": ("a.txt", b"x")}}, {"data": {"file": "y"}}, {}):
        response = await http.post("files/upload", **sent)  # type: ignore[arg-type]
        assert response.status_code == 422
        assert response.json()["detail"][0]["loc"] == ["body", "file"]
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    response = await http.post("files/upload", content=b"--no such boundary", headers=kind)
    assert (response.status_code, list(response.json())) == (400, ["detail"])


async def test_bodies_have_a_limit_and_uploads_a_larger_one(http: httpx2.AsyncClient):
    sent = {**GOOD, "messages": [{"role": "user", "content": "x" * (17 * 2**20)}]}
    response = await http.post(CHAT, json=sent)
    assert response.status_code == 413
    files = {"file": ("large.txt", b"\0" * (17 * 2**20))}
    response = await http.post("files/upload", files=files)
    assert (response.status_code, "binary" in response.text) == (422, True)


async def test_a_client_that_leaves_ends_its_stream(documents: Path, web: Path):
    with anyio.fail_after(10):
        async with (
            running_sandbox(documents=documents, web=web, pace=60) as sandbox,
            client_of(sandbox.base_url, sandbox.api_key) as http,
        ):
            body = {**GOOD, "stream": True}
            async with http.stream("POST", f"/api/beta/{CHAT}", json=body) as response:
                assert "assistant" in await anext(response.aiter_lines())
            ends: list[str] = []
            while ends != ["left"]:
                told = (await http.get("/sandbox/faults")).json()["requests"]
                ends = [each["end"] for each in told]
