import os
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from amber_mcp.sandbox import Sandbox, running_sandbox

from .conftest import client_of, write
from .test_formats import PDF


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("documents/hr/urlaub.md", "text/plain; charset=utf-8"),
        ("documents/phones.csv", "text/plain; charset=utf-8"),
        ("documents/finance/reisekosten.html", "text/html; charset=utf-8"),
        ("web/bridges.html", "text/html; charset=utf-8"),
    ],
)
async def test_files_are_shown_without_their_scripts(
    sandbox: Sandbox, stranger: httpx2.AsyncClient, path: str, kind: str
):
    response = await stranger.get(url_of(sandbox, path))
    assert response.headers["content-type"] == kind
    assert response.headers["x-content-type-options"] == "nosniff"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert policy.endswith("sandbox")


@pytest.mark.parametrize(
    "path",
    [
        "documents/",
        "documents/missing.md",
        "documents/%2e%2e/web/leave.md",
        "documents/hr/..%2f..%2fsecret.md",
        "documents//etc/passwd",
        "documents/agents.json",
        "web/hr/urlaub.md",
        "",
        "guess/documents/hr/urlaub.md",
    ],
)
async def test_nothing_else_is_shown(sandbox: Sandbox, stranger: httpx2.AsyncClient, path: str):
    assert sandbox.documents_folder is not None
    write(sandbox.documents_folder, {"../secret.md": "secret", "agents.json": "{}"})
    response = await stranger.get(url_of(sandbox, path))
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})
    assert sandbox.documents_url not in repr(sandbox)


async def test_files_are_shown_as_they_are_now(tmp_path: Path, web: Path):
    folder = write(tmp_path / "own", {"a.md": "Text"})
    (folder / "a.pdf").write_bytes(PDF.read_bytes())
    async with (
        running_sandbox(documents=folder, web=web) as sandbox,
        client_of(f"{sandbox.documents_url}/") as client,
    ):
        response = await client.get("a.pdf")
        assert response.headers["content-type"] == "application/pdf"
        assert response.content == PDF.read_bytes()
        file = folder / "a.md"
        file.unlink()
        assert (await client.get("a.md")).status_code == 404
        if os.name != "nt":
            write(tmp_path, {"secret.md": "secret"})
            file.symlink_to(tmp_path / "secret.md")
            assert (await client.get("a.md")).status_code == 404


def test_the_file_of_an_address_is_told(sandbox: Sandbox):
    assert sandbox.documents_folder is not None
    file = sandbox.documents_folder / "hr" / "sick leave.md"
    assert sandbox.file_of(f"{sandbox.documents_url}/hr/sick%20leave.md") == file
    assert sandbox.file_of(f"{sandbox.web_url}/leave.md") is None
    assert sandbox.file_of("https://bridges.example/stone") is None
    sample = replace(sandbox, documents_folder=None)
    assert sample.file_of(f"{sandbox.documents_url}/hr/sick%20leave.md") is None


def url_of(sandbox: Sandbox, path: str) -> str:
    name, _, rest = path.partition("/")
    known = {"documents": sandbox.documents_url, "web": sandbox.web_url}
    return f"{known[name]}/{rest}" if name in known else f"{sandbox.base_url}/{path}"
