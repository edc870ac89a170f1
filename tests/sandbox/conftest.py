"""A small company on disk, and a sandbox that serves it over a real socket."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import httpx2
import pytest

from amber_mcp.sandbox import Sandbox, running_sandbox
from amber_mcp.sandbox.documents import read_folder
from amber_mcp.sandbox.search import SearchIndex, Synonyms

DOCUMENTS = {
    "hr/urlaub.md": (
        "# Urlaubsregelung\n\n## Anspruch\n\nVollzeitkräfte haben Anspruch auf 30 Tage Urlaub im "
        "Jahr.\n\n## Übertragung\n\nNicht genommene Tage verfallen am 31. März.\n"
    ),
    "hr/sick leave.md": (
        "# Sick leave\n\nCall your manager before 9:00 when you are ill.\n\n## Certificate\n\n"
        "We need a medical certificate from the third day of illness.\n"
    ),
    "finance/reisekosten.html": (
        "<html><head><title>Abrechnung von Reisekosten</title><script>alert(1)</script></head>"
        "<body><h1>Reisekosten</h1><p>Reichen Sie Belege innerhalb von vier Wochen ein.</p>"
        "<table><tr><th>Dauer</th><th>Pauschale</th></tr><tr><td>24 Stunden</td><td>28 Euro</td>"
        "</tr></table></body></html>"
    ),
    "it/passwords.md": (
        "---\ntitle: Password rules\nowner: IT security\n---\n\nA password has at least 14 "
        "characters and is never shared.\n"
    ),
    "it/laptop.txt": "Neuer Laptop\n\nEin Notebook wird im Serviceportal bestellt.\n",
    "phones.csv": "Name;Durchwahl\nErna Beispiel;212\nKurt Muster;344\n",
}

WEB = {
    "bridges.html": (
        '<html><head><title>Bridges</title><link rel="canonical" '
        'href="https://bridges.example/stone?a=1&amp;b=2"></head><body><p>Stone bridges carry '
        "their load by arches.</p></body></html>"
    ),
    "leave.md": "# Statutory leave\n\nEmployees in Germany have 20 days of leave by law.\n",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return root


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    return write(tmp_path / "documents", DOCUMENTS)


@pytest.fixture
def web(tmp_path: Path) -> Path:
    return write(tmp_path / "web", WEB)


@pytest.fixture
def index(documents: Path) -> Iterator[SearchIndex]:
    index = SearchIndex(read_folder(documents)[0], Synonyms())
    yield index
    index.close()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for all tests, in a thread of its own, as some of them block."""
    root = tmp_path_factory.mktemp("sandbox")
    serving = running_sandbox(
        documents=write(root / "documents", DOCUMENTS), web=write(root / "web", WEB), pace=0
    )
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving) as sandbox,
    ):
        yield sandbox


@asynccontextmanager
async def client_of(base_url: str, key: str = "") -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(
        base_url=base_url, headers=headers, trust_env=False, timeout=10
    ) as client:
        with anyio.fail_after(30):
            yield client


@pytest.fixture
async def stranger(sandbox: Sandbox) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without any key."""
    async with client_of(sandbox.base_url) as client:
        yield client


COMPANY = [{"function": {"name": "amberSearch"}}]
PAGES = [{"function": {"name": "webSearch"}}]
HELLO = [{"role": "user", "content": "Hello there!"}]
APIS = {
    "amber": ("/api/beta", "amberai/chat/completions", "sandbox-brief"),
    "openai": ("/api/beta", "openai/v1/chat/completions", "azure/sandbox-quote"),
    "morpheus": ("/morpheus/api/v1", "chat/completions", "sandbox-quote"),
    "adaptive": ("/adaptive/api/v1", "chat/completions", "sandbox/quote"),
}


@dataclass(frozen=True)
class Caller:
    """A client of one API, with its key and at its root."""

    name: str
    http: httpx2.AsyncClient
    path: str
    model: str

    async def post(self, **fields: Any) -> httpx2.Response:
        """Ask for a completion; `fields` replace or add to those of the body."""
        body = {"model": self.model, "messages": HELLO, **fields}
        return await self.http.post(self.path, json=body)

    async def completed(self, **fields: Any) -> dict[str, Any]:
        response = await self.post(**fields)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    async def answer(self, question: str = "", **fields: Any) -> str:
        """The answer's text."""
        if question:
            fields = {"messages": [{"role": "user", "content": question}], **fields}
        text: str = (await self.completed(**fields))["choices"][0]["message"]["content"]
        return text

    async def ask(self, question: str, **fields: Any) -> str:
        """What amber answers from the company, in English."""
        return await self.answer(
            question, **{"tools": COMPANY, "metadata": {"language": "en"}, **fields}
        )


@asynccontextmanager
async def calling(sandbox: Sandbox, name: str) -> AsyncIterator[Caller]:
    root, path, model = APIS[name]
    keys = {"morpheus": sandbox.morpheus_key, "adaptive": sandbox.adaptive_key}
    key = keys.get(name, sandbox.api_key)
    async with client_of(f"{sandbox.base_url}{root}/", key) as client:
        yield Caller(name, client, path, model)


@pytest.fixture
async def api(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Caller]:
    """The API that a module, or a test's parameter, names."""
    name = getattr(request, "param", None) or request.module.API
    async with calling(sandbox, name) as caller:
        yield caller


def events(response: httpx2.Response) -> list[dict[str, Any]]:
    """The chunks of a stream, which ends as it has to."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    *sent, done, rest = response.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(each.removeprefix("data: ")) for each in sent]


PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"
"""The beginning of an image, of 24 bytes."""


def function(name: str, description: str, *required: str, **properties: Any) -> dict[str, Any]:
    """A function that an API may call, in OpenAI's form."""
    parameters = {"type": "object", "properties": properties, "required": [*required]}
    said = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": said}


TEXT = {"type": "string"}
WEATHER = function(
    "get_current_weather", "Get the current weather in a given location", "location",
    location=TEXT, unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)  # fmt: skip
TRAIN = function(
    "find_train", "Look up connections by rail", "origin", "destination",
    origin=TEXT, destination=TEXT, seats={"type": "integer", "minimum": 1, "maximum": 9},
)  # fmt: skip
