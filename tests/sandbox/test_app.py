import httpx2
import pytest

from amber_mcp.sandbox import Sandbox
from amber_mcp.sandbox.app import is_loopback


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("LocalHost", True),
        ("0.0.0.0", False), ("192.168.1.1", False), ("example.com", False), ("", False),
    ],
)  # fmt: skip
def test_loopback_is_this_machine_alone(host: str, loopback: bool):
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "amberai/models"),
        ("GET", "amberai/models/sandbox-brief"),
        ("POST", "amberai/chat/completions"),
        ("POST", "files/upload"),
        ("GET", "no/such/route"),
    ],
)
@pytest.mark.parametrize("key", ["", "Bearer", "Bearer wrong", "Basic {key}", "{key}", "Bearer ü"])
async def test_nothing_is_served_without_the_key(
    sandbox: Sandbox, method: str, path: str, key: str
):
    header = key.format(key=sandbox.api_key).encode()
    async with httpx2.AsyncClient(trust_env=False) as client:
        response = await client.request(
            method,
            f"{sandbox.base_url}/api/beta/{path}",
            headers={b"Authorization": header} if header else {},
        )
    assert response.status_code == 401
    assert response.json() == {"detail": "Invalid or missing API key"}
    assert response.headers["www-authenticate"] == "Bearer"


async def test_unknown_routes_and_methods_are_errors_of_the_same_shape(http: httpx2.AsyncClient):
    response = await http.get("amberai/embeddings")
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})
    response = await http.put("files/upload")
    assert (response.status_code, response.json()) == (405, {"detail": "Method Not Allowed"})


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "[bad"])
async def test_names_of_other_machines_are_refused(
    http: httpx2.AsyncClient, sandbox: Sandbox, host: str
):
    models = f"{sandbox.base_url}/api/beta/amberai/models"
    for url in (models, f"{sandbox.documents_url}/hr/urlaub.md"):
        response = await http.get(url, headers={"Host": host})
        assert response.status_code == 421
        assert "Urlaub" not in response.text


async def test_localhost_is_served(http: httpx2.AsyncClient, sandbox: Sandbox):
    port = sandbox.base_url.rpartition(":")[2]
    for host in (f"localhost:{port}", f"[::1]:{port}"):
        response = await http.get("amberai/models", headers={"Host": host})
        assert response.status_code == 200
