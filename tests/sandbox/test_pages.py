import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from amber_mcp.sandbox import Sandbox, running_sandbox

from .conftest import write
from .test_formats import pdf_of


class Browser:
    """Opens the pages of one sandbox by their collection and path, as its links do."""

    def __init__(self, sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
        self._sandbox = sandbox
        self._client = client

    async def get(self, path: str) -> httpx2.Response:
        for name, url in (
            ("documents", self._sandbox.documents_url),
            ("web", self._sandbox.web_url),
        ):
            if path.startswith(f"/{name}/"):
                return await self._client.get(url + path.removeprefix(f"/{name}"))
        return await self._client.get(self._sandbox.base_url + path)


@pytest.fixture
async def browser(sandbox: Sandbox) -> AsyncIterator[Browser]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield Browser(sandbox, client)


async def test_text_is_shown_as_text(browser: Browser):
    for path in ("/documents/hr/urlaub.md", "/documents/phones.csv", "/documents/it/laptop.txt"):
        response = await browser.get(path)
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert response.headers["x-content-type-options"] == "nosniff"
    assert "Vollzeitkräfte" in (await browser.get("/documents/hr/urlaub.md")).text


async def test_html_is_shown_without_its_scripts(browser: Browser):
    for path in ("/documents/finance/reisekosten.html", "/web/bridges.html"):
        response = await browser.get(path)
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert policy.endswith("sandbox")


@pytest.mark.parametrize(
    "path",
    [
        "/documents/",
        "/documents/missing.md",
        "/documents/%2e%2e/web/leave.md",
        "/documents/%2e%2e/secret.md",
        "/documents/hr/..%2f..%2fsecret.md",
        "/documents//etc/passwd",
        "/documents/agents.json",
        "/web/hr/urlaub.md",
        "/",
    ],
)
async def test_nothing_else_is_shown(browser: Browser, documents: Path, path: str):
    write(documents, {"../secret.md": "secret", "agents.json": "{}"})
    response = await browser.get(path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


async def test_a_file_that_is_gone_or_changed_into_something_else_is_not_shown(
    browser: Browser, documents: Path, tmp_path: Path
):
    file = documents / "hr/urlaub.md"
    file.write_bytes(b"\0")
    assert (await browser.get("/documents/hr/urlaub.md")).status_code == 404
    file.unlink()
    assert (await browser.get("/documents/hr/urlaub.md")).status_code == 404
    if os.name != "nt":
        write(tmp_path, {"secret.md": "secret"})
        file.symlink_to(tmp_path / "secret.md")
        assert (await browser.get("/documents/hr/urlaub.md")).status_code == 404


async def test_every_encoding_and_pdf_is_shown(tmp_path: Path, web: Path):
    folder = write(tmp_path / "own", {"a.md": "Text"})
    (folder / "old.txt").write_bytes("Größe".encode("cp1252"))
    (folder / "a.pdf").write_bytes(pdf_of("Leave"))
    async with (
        running_sandbox(documents=folder, web=web) as sandbox,
        httpx2.AsyncClient(trust_env=False) as client,
    ):
        browser = Browser(sandbox, client)
        assert (await browser.get("/documents/old.txt")).text == "Größe"
        response = await browser.get("/documents/a.pdf")
        assert response.headers["content-type"] == "application/pdf"
        assert response.content == pdf_of("Leave")


async def test_without_the_token_of_the_link_nothing_is_shown(sandbox: Sandbox):
    async with httpx2.AsyncClient(trust_env=False) as stranger:
        for path in ("documents/hr/urlaub.md", "documents/guess/hr/urlaub.md", "web/leave.md"):
            assert (await stranger.get(f"{sandbox.base_url}/{path}")).status_code == 404
    assert sandbox.documents_url not in repr(sandbox)
