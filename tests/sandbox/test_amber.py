"""The API over a real socket, against seeds 000 and 001."""

import json
import uuid
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from amber_mcp.sandbox import Sandbox, running_sandbox

from .conftest import COMPANY, PAGES, ask, write

QUESTION = [{"role": "user", "content": "How many days of vacation do I get?"}]


async def upload(http: httpx2.AsyncClient, name: str, content: bytes, kind: str = "") -> str:
    sent = (name, content, kind) if kind else (name, content)
    response = await http.post("files/upload", files={"file": sent})
    assert response.status_code == 200, response.text
    number: str = response.json()["id"]
    return number


async def test_models_are_listed(http: httpx2.AsyncClient):
    for path in ("amberai/models", "amberai/models/"):
        body = (await http.get(path)).json()
        assert body["object"] == "list"
        assert [model["id"] for model in body["data"]] == ["sandbox-brief", "sandbox/detailed"]
        assert {model["object"] for model in body["data"]} == {"model"}


@pytest.mark.parametrize("path", ["sandbox-brief", "sandbox/detailed", "sandbox%2Fdetailed"])
async def test_one_model_is_described(http: httpx2.AsyncClient, path: str):
    body = (await http.get(f"amberai/models/{path}")).json()
    assert body["id"] == path.replace("%2F", "/")


async def test_an_unknown_model_is_not_found(http: httpx2.AsyncClient):
    response = await http.get("amberai/models/azure-gpt-4o")
    assert (response.status_code, response.json()) == (404, {"detail": "Model not found"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "amberai/chat/completions"),
        ("GET", "amberai/chat/completions/chatcmpl-1"),
        ("POST", "amberai/chat/completions/chatcmpl-1"),
        ("DELETE", "amberai/chat/completions/chatcmpl-1"),
        ("GET", "amberai/chat/completions/chatcmpl-1/messages"),
        ("DELETE", "amberai/models/sandbox-brief"),
        ("POST", "amberai/completions"),
    ],
)
async def test_other_routes_exist_but_do_not_function(
    http: httpx2.AsyncClient, method: str, path: str
):
    response = await http.request(method, path)
    assert (response.status_code, list(response.json())) == (501, ["detail"])


async def test_a_completion_has_the_documented_body(http: httpx2.AsyncClient):
    sent = {"model": "sandbox-brief", "messages": QUESTION, "tools": COMPANY}
    response = await http.post("amberai/chat/completions", json=sent)
    body = response.json()
    assert set(body) == {
        "id", "created", "model", "choices", "usage", "object", "service_tier",
        "system_fingerprint",
    }  # fmt: skip
    assert body["model"] == "sandbox-brief"
    assert body["object"] == "chat.completion"
    assert (body["service_tier"], body["system_fingerprint"]) == ("default", "default")
    assert isinstance(body["created"], int)
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["role"] == "assistant"
    assert "30 Tage Urlaub" in choice["message"]["content"]
    usage = body["usage"]
    assert usage["prompt_tokens"] == 8
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_the_language_is_german_unless_said_otherwise(http: httpx2.AsyncClient):
    assert "Antwort aus der Sandbox" in await ask(http, "Urlaub", metadata={})
    assert "Answer from the sandbox" in await ask(http, "Urlaub", metadata={"language": "en"})
    assert "Answer from the sandbox" in await ask(http, "Urlaub", metadata={"language": "nl"})


async def test_answers_link_documents_that_open_without_a_key(
    http: httpx2.AsyncClient, sandbox: Sandbox
):
    answer = await ask(http, "I am ill, what now?")
    url = f"{sandbox.documents_url}/hr/sick%20leave.md"
    assert f"[Sick leave (hr/sick leave.md)]({url})" in answer
    async with httpx2.AsyncClient(trust_env=False) as stranger:
        assert "Call your manager" in (await stranger.get(url)).text


async def test_web_pages_link_where_they_were_saved_from(
    http: httpx2.AsyncClient, sandbox: Sandbox
):
    answer = await ask(http, "What carries a stone bridge?", tools=PAGES)
    assert "(https://bridges.example/stone?a=1&b=2)" in answer
    answer = await ask(http, "Statutory leave in Germany?", tools=PAGES)
    assert f"({sandbox.web_url}/leave.md)" in answer


async def test_each_search_reads_its_own_collection(http: httpx2.AsyncClient):
    assert "Nothing found in 6 documents" in await ask(http, "stone bridges arches")
    assert "Nothing found in 2 saved web pages" in await ask(http, "Kennwort", tools=PAGES)


@pytest.mark.parametrize("fields", [{"tools": []}, {}])
async def test_without_tools_nothing_is_searched(
    http: httpx2.AsyncClient, fields: dict[str, object]
):
    body = {"model": "sandbox-brief", "messages": QUESTION, "metadata": {"language": "en"}}
    response = await http.post("amberai/chat/completions", json={**body, **fields})
    answer = response.json()["choices"][0]["message"]["content"]
    assert "Nothing was searched" in answer
    assert "30 Tage" not in answer


async def test_the_detailed_model_quotes_more(http: httpx2.AsyncClient):
    brief = await ask(http, "Urlaub Anspruch Tage", model="sandbox-brief")
    detailed = await ask(http, "Urlaub Anspruch Tage krank", model="sandbox/detailed")
    assert 1 <= brief.count("Source: ") <= 2 < detailed.count("Source: ") + 1


async def test_any_temperature_changes_nothing(http: httpx2.AsyncClient):
    plain = await ask(http, "Urlaub")
    assert await ask(http, "Urlaub", temperature=0) == plain
    assert await ask(http, "Urlaub", temperature=1.9) == plain


async def test_the_last_user_message_is_the_question(http: httpx2.AsyncClient):
    messages = [
        {"role": "system", "content": "Be brief about passwords."},
        {"role": "user", "content": "I am ill, what now?"},
        {"role": "assistant", "content": "Call your manager."},
        {"role": "user", "content": "And a certificate?"},
    ]
    answer = await ask(http, "", messages=messages)
    assert "medical certificate" in answer
    assert "Password rules" not in answer


async def test_a_conversation_without_a_question_says_so(http: httpx2.AsyncClient):
    answer = await ask(http, "", messages=[{"role": "system", "content": "Be brief."}])
    assert "no question" in answer


async def stream(http: httpx2.AsyncClient, **fields: object) -> list[str]:
    sent = {"model": "sandbox-brief", "messages": QUESTION, "tools": COMPANY, "stream": True}
    async with http.stream("POST", "amberai/chat/completions", json={**sent, **fields}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return [line async for line in response.aiter_lines() if line]


async def test_a_stream_is_chunks_and_ends_with_done(http: httpx2.AsyncClient):
    lines = await stream(http)
    assert lines[-1] == "data: [DONE]"
    chunks: list[dict[str, Any]] = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0]["role"] == "assistant"
    assert deltas[-1] == {}
    finishes = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert finishes == [None] * (len(chunks) - 1) + ["stop"]
    assert len(chunks) > 5
    text = "".join(delta.get("content", "") for delta in deltas)
    assert text == await ask(http, QUESTION[0]["content"], metadata={"language": "de"})


async def test_a_streamed_answer_keeps_every_character(http: httpx2.AsyncClient):
    lines = await stream(http, messages=[{"role": "user", "content": "24 Stunden Pauschale"}])
    pieces = [json.loads(line[6:])["choices"][0]["delta"].get("content") for line in lines[:-1]]
    assert "| 24 Stunden | 28 Euro |\n" in "".join(filter(None, pieces))


async def test_a_stream_for_an_unknown_model_is_an_error_at_once(http: httpx2.AsyncClient):
    sent = {"model": "x", "messages": QUESTION, "stream": True}
    response = await http.post("amberai/chat/completions", json=sent)
    assert (response.status_code, response.json()) == (404, {"detail": "Model not found"})


GOOD: dict[str, Any] = {"model": "sandbox-brief", "messages": QUESTION}


@pytest.mark.parametrize(
    ("change", "location", "kind"),
    [
        ({"model": None}, ["body", "model"], "string_type"),
        ({"messages": []}, ["body", "messages"], "too_short"),
        ({"messages": "hi"}, ["body", "messages"], "list_type"),
        (
            {"messages": [{"role": "tool", "content": "x"}]},
            ["body", "messages", 0, "role"],
            "literal_error",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
            ["body", "messages", 0, "content"],
            "string_type",
        ),
        ({"messages": [{"role": "user"}]}, ["body", "messages", 0, "content"], "missing"),
        ({"tools": COMPANY * 2}, ["body", "tools"], "too_long"),
        (
            {"tools": [{"function": {"name": "other"}}]},
            ["body", "tools", 0, "function", "name"],
            "literal_error",
        ),
        ({"tools": [{}]}, ["body", "tools", 0, "function"], "missing"),
        ({"max_tokens": 1}, ["body", "max_tokens"], "extra_forbidden"),
        ({"metadata": {"agent": "x"}}, ["body", "metadata", "agent"], "extra_forbidden"),
        (
            {"messages": [{"role": "user", "content": "x", "name": "me"}]},
            ["body", "messages", 0, "name"],
            "extra_forbidden",
        ),
        (
            {"tools": [{"id": "x", "function": {"name": "webSearch"}}]},
            ["body", "tools", 0, "id"],
            "extra_forbidden",
        ),
        ({"temperature": "hot"}, ["body", "temperature"], "float_parsing"),
        ({"stream": "perhaps"}, ["body", "stream"], "bool_parsing"),
        ({"metadata": {"files": "x"}}, ["body", "metadata", "files"], "list_type"),
        ({"metadata": {"language": 7}}, ["body", "metadata", "language"], "string_type"),
    ],
)
async def test_what_the_documents_do_not_know_is_named(
    http: httpx2.AsyncClient, change: dict[str, object], location: list[str | int], kind: str
):
    response = await http.post("amberai/chat/completions", json={**GOOD, **change})
    assert response.status_code == 422
    (detail,) = response.json()["detail"]
    assert (detail["loc"], detail["type"]) == (location, kind)
    assert set(detail) == {"loc", "msg", "type"}


@pytest.mark.parametrize(
    ("body", "location", "kind"),
    [
        (b"{", ["body", 1], "json_invalid"),
        (b"\xff", ["body", 0], "json_invalid"),
        (b"[]", ["body"], "model_type"),
        (b"", ["body", 0], "json_invalid"),
        (b"[" * 100_000, ["body", 0], "json_invalid"),
    ],
)
async def test_what_is_no_body_is_named_too(
    http: httpx2.AsyncClient, body: bytes, location: list[str | int], kind: str
):
    response = await http.post("amberai/chat/completions", content=body)
    assert response.status_code == 422
    (detail,) = response.json()["detail"]
    assert (detail["loc"], detail["type"]) == (location, kind)


async def test_half_a_character_is_no_accident(http: httpx2.AsyncClient):
    body = b"""{"model": "sandbox-brief", "tools": [{"function": {"name": "amberSearch"}}],
        "messages": [{"role": "user", "content": "zygomatic \\ud800"}]}"""
    response = await http.post("amberai/chat/completions", content=body)
    assert "zygomatic ?" in response.json()["choices"][0]["message"]["content"]


async def test_a_body_has_a_limit(http: httpx2.AsyncClient):
    sent = {**GOOD, "messages": [{"role": "user", "content": "x" * (17 * 2**20)}]}
    response = await http.post("amberai/chat/completions", json=sent)
    assert (response.status_code, response.json()) == (413, {"detail": "Request body too large"})


async def test_unknown_agents_and_files_are_not_found(http: httpx2.AsyncClient):
    for metadata, detail in [
        ({"agent_id": str(uuid.UUID(int=5))}, "Agent not found"),
        ({"agent_id": "no uuid"}, "Agent not found"),
        ({"files": [str(uuid.UUID(int=5))]}, "File not found"),
    ]:
        response = await http.post("amberai/chat/completions", json={**GOOD, "metadata": metadata})
        assert (response.status_code, response.json()) == (404, {"detail": detail})


async def test_an_agent_searches_its_own_folders(http: httpx2.AsyncClient, sandbox: Sandbox):
    metadata = {"agent_id": sandbox.agents["it"], "language": "en"}
    assert "14 characters" in await ask(http, "How long is a password?", metadata=metadata)
    answer = await ask(http, "Wie viele Urlaubstage?", metadata=metadata)
    assert "Agent **it**" in answer
    assert "Nothing found in 2 documents" in answer
    assert "arches" not in await ask(http, "stone bridges", metadata=metadata)
    assert "arches" in await ask(http, "stone bridges", metadata=metadata, tools=PAGES)
    assert "Nothing was searched" in await ask(http, "password", metadata=metadata, tools=[])


async def test_agents_of_a_list_keep_their_ids_and_manners(tmp_path: Path, web: Path):
    number = "9676b2b0-9fdd-40b1-8a0a-0debe64b29ac"
    agent = {"id": number, "name": "Guide", "instructions": "Guides. Well.", "overview": True}
    folder = write(
        tmp_path / "own",
        {"a.md": "# Valve\n\nA valve.", "agents.json": json.dumps({"agents": [agent]})},
    )
    async with (
        running_sandbox(documents=folder, web=web) as sandbox,
        httpx2.AsyncClient(base_url=f"{sandbox.base_url}/api/beta/", trust_env=False) as http,
    ):
        assert sandbox.agents == {"Guide": number}
        http.headers["Authorization"] = f"bearer {sandbox.api_key}"
        answer = await ask(http, "valve", metadata={"agent_id": number.upper(), "language": "en"})
    assert "Agent **Guide**: Guides." in answer
    assert "Documents found:" in answer


async def test_an_upload_says_what_it_took(http: httpx2.AsyncClient):
    files = {"file": ("C:\\my notes\\Größe.md", b"# Size\n\nIt is big.", "text/markdown")}
    body = (await http.post("files/upload", files=files)).json()
    assert uuid.UUID(body.pop("id"))
    assert body == {"filename": "Größe.md", "size": 18, "content_type": "text/markdown"}


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


async def test_a_file_is_shown_from_its_beginning_where_no_word_fits(http: httpx2.AsyncClient):
    numbers = [
        await upload(http, "one.txt", b"First of all."),
        await upload(http, "two.txt", b"Second to none."),
    ]
    metadata = {"files": numbers, "language": "en"}
    answer = await ask(http, "Summarise this", metadata=metadata, tools=[])
    assert "> First of all." in answer
    assert "> Second to none." in answer
    assert "Beginning of the file: **one.txt**" in answer


async def test_files_without_text_are_kept_and_named(http: httpx2.AsyncClient):
    metadata = {"files": [await upload(http, "a.png", b"\x89PNG\0")], "language": "en"}
    assert "Without readable text: a.png (.png: not a kind of file that is read)." in await ask(
        http, "?", metadata=metadata, tools=[]
    )


async def test_an_upload_needs_its_field(http: httpx2.AsyncClient):
    for sent in ({"files": {"files": ("a.txt", b"x")}}, {"data": {"x": "y"}}, {"content": b"x"}):
        response = await http.post("files/upload", **sent)  # type: ignore[arg-type]
        assert response.status_code == 422
        assert response.json() == {
            "detail": [{"loc": ["body", "file"], "msg": "Field required", "type": "missing"}]
        }
    response = await http.post("files/upload", data={"file": "text"}, files={"x": b"y"})
    assert response.json()["detail"][0]["loc"] == ["body", "file"]


async def test_a_form_that_is_broken_is_an_error(http: httpx2.AsyncClient):
    response = await http.post(
        "files/upload",
        content=b"--no such boundary",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert response.status_code == 400
    assert list(response.json()) == ["detail"]


async def test_a_client_that_leaves_ends_its_stream(documents: Path, web: Path):
    sent = {"model": "sandbox-brief", "messages": QUESTION, "tools": COMPANY, "stream": True}
    with anyio.fail_after(10):
        async with running_sandbox(documents=documents, web=web, pace=60) as sandbox:
            async with httpx2.AsyncClient(
                base_url=f"{sandbox.base_url}/api/beta/",
                headers={"Authorization": f"Bearer {sandbox.api_key}"},
                trust_env=False,
            ) as http:
                request = http.build_request("POST", "amberai/chat/completions", json=sent)
                response = await http.send(request, stream=True)
                assert "assistant" in await anext(response.aiter_lines())
                await response.aclose()
            stopping = anyio.current_time()
    # A stream still at work would have been given its second of grace.
    assert anyio.current_time() - stopping < 0.9
