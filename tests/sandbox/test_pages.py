import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from amber_mcp.sandbox import Sandbox, running_sandbox

from .conftest import write
from .test_formats import pdf_of


@pytest.fixture
async def browser(sandbox: Sandbox) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=sandbox.base_url, trust_env=False) as client:
        yield client


async def test_text_is_shown_as_text(browser: httpx2.AsyncClient):
    for path in ("/documents/hr/urlaub.md", "/documents/phones.csv", "/documents/it/laptop.txt"):
        response = await browser.get(path)
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert response.headers["x-content-type-options"] == "nosniff"
    assert "Vollzeitkräfte" in (await browser.get("/documents/hr/urlaub.md")).text


async def test_html_is_shown_without_its_scripts(browser: httpx2.AsyncClient):
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
async def test_nothing_else_is_shown(browser: httpx2.AsyncClient, documents: Path, path: str):
    write(documents, {"../secret.md": "secret", "agents.json": "{}"})
    response = await browser.get(path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


async def test_a_file_that_is_gone_or_changed_into_something_else_is_not_shown(
    browser: httpx2.AsyncClient, documents: Path, tmp_path: Path
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
        httpx2.AsyncClient(base_url=sandbox.base_url, trust_env=False) as browser,
    ):
        assert (await browser.get("/documents/old.txt")).text == "Größe"
        response = await browser.get("/documents/a.pdf")
        assert response.headers["content-type"] == "application/pdf"
        assert response.content == pdf_of("Leave")
