"""Which proxy leads to a host, by the environment; no error holds a proxy's password."""

import sys
import traceback

import pytest

from amber_mcp.errors import NotConfigured
from amber_mcp.http.proxies import is_excluded, route_to
from tests.http.network import HOST

HTTPS = f"https://{HOST}"


@pytest.mark.parametrize(
    ("variables", "via"),
    [
        ({"HTTPS_PROXY": "http://proxy.test"}, "http://proxy.test:80"),
        ({"HTTPS_PROXY": "proxy.test:3128/"}, "http://proxy.test:3128"),
        ({"HTTPS_PROXY": "https://proxy.test"}, "https://proxy.test:443"),
        ({"HTTPS_PROXY": "http://proxy.test:65535"}, "http://proxy.test:65535"),
        ({"HTTPS_PROXY": "socks5://proxy.test"}, "socks5://proxy.test:1080"),
        ({"HTTPS_PROXY": "http://[::1]:3128"}, "http://[::1]:3128"),
        ({"HTTPS_PROXY": " http://proxy.test:1 "}, "http://proxy.test:1"),
        ({"HTTPS_PROXY": "http://anna:geheim@1@proxy.test:3128"}, "http://proxy.test:3128"),
        ({"HTTPS_PROXY": ""}, ""),
        ({"HTTPS_PROXY": "  "}, ""),
        ({"HTTPS_PROXY": '""'}, ""),
        ({"HTTPS_PROXY": "${user_config.proxy}"}, ""),
        ({"HTTP_PROXY": "http://proxy.test:3128"}, ""),
        ({"HTTPS_PROXY": "http://a.test:1", "https_proxy": "http://b.test:2"}, "http://b.test:2"),
        ({"HTTPS_PROXY": "http://a.test:1", "https_proxy": ""}, ""),
        ({"HTTPS_PROXY": "http://a.test:1", "no_proxy": "x.test,.company.test"}, ""),
        ({"HTTPS_PROXY": "http://a.test:1", "no_proxy": "other.test"}, "http://a.test:1"),
    ],
)
def test_the_route_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], via: str
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    route = route_to(HTTPS)
    assert route.via == via
    assert "geheim" not in repr(route)


@pytest.mark.parametrize(
    ("exceptions", "host", "port", "excepted"),
    [
        ("company.test", "amber.company.test", 443, True),
        ("company.test", "company.test", 443, True),
        ("company.test", "mycompany.test", 443, False),
        ("company.test", "company.test.example", 443, False),
        (".company.test", "amber.company.test", 443, True),
        (".company.test", "company.test", 443, True),
        ("*.company.test", "amber.company.test", 443, True),
        ("Company.TEST", "amber.company.test", 443, True),
        ("a.test, company.test", "amber.company.test", 443, True),
        ("a.test company.test", "amber.company.test", 443, True),
        ("company.test:443", "amber.company.test", 443, True),
        ("company.test:8443", "amber.company.test", 443, False),
        ("company.test:8443", "amber.company.test", 8443, True),
        ("*", "amber.company.test", 443, True),
        ("a.test,*", "amber.company.test", 443, True),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "amber.company.test", 443, False),
        ("fd00::/8", "fd00::1", 443, True),
        ("fd00::1", "fd00::1", 443, True),
        ("[fd00::1]:8443", "fd00::1", 8443, True),
        ("[fd00::1]:8443", "fd00::1", 443, False),
        ("", "amber.company.test", 443, False),
        (",.,:443,", "amber.company.test", 443, False),
        ("company.test:" + "4" * 5000, "amber.company.test", 443, False),
    ],
)
def test_exceptions(exceptions: str, host: str, port: int, excepted: bool) -> None:
    assert is_excluded(host, port, exceptions) is excepted


@pytest.mark.parametrize(
    "address",
    [
        "odd://proxy.test:1",
        "socks4://proxy.test:1",
        "http://",
        "http://proxy.test:port",
        "http://proxy.test:0",
        "http://proxy.test:-1",
        "http://127.0.0.1:65536",
        "socks5://127.0.0.1:99999",
        "http://anna:geheim#1@proxy.test:3128",
        "http://anna:geheim/1@proxy.test:3128",
        "http://anna:12/geheim@proxy.test:3128",
        "http://anna:geheim?1@proxy.test:3128",
        "http://anna:geheim\x07@proxy.test:3128",
        "http://proxy.test:3128/geheim",
    ],
)
def test_a_faulty_proxy_names_its_variable_and_no_password(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", address)
    with pytest.raises(NotConfigured) as raised:
        route_to(HTTPS)
    assert raised.value.message.startswith("ALL_PROXY is not the address of a proxy")
    assert "geheim" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("login", ["anna:" + "geheim" * 43, "geheim" * 43 + ":x"])
def test_a_login_that_socks_cannot_carry_is_told_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"socks5://{login}@proxy.test:1080")
    with pytest.raises(NotConfigured, match="HTTPS_PROXY holds a user name or") as raised:
        route_to(HTTPS)
    assert "geheim" not in "".join(traceback.format_exception(raised.value))
    monkeypatch.setenv("HTTPS_PROXY", f"http://{login}@proxy.test:1080")
    assert route_to(HTTPS).via


def test_without_the_extra_a_socks_proxy_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.test:1080")
    with pytest.raises(NotConfigured, match="HTTPS_PROXY names a SOCKS proxy") as raised:
        route_to(HTTPS)
    assert "amber-mcp[socks]" in raised.value.next_step


def test_the_system_s_own_exceptions_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setattr("amber_mcp.http.proxies.proxy_bypass", lambda host: host == HOST)
    assert route_to(HTTPS).via == ""
    assert route_to("https://other.test").via == "http://proxy.test:3128"
