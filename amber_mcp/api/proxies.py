"""Which proxy is between here and a host: what the environment, or the system, says."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from amber_mcp.addresses import is_loopback
from amber_mcp.errors import NotConfigured
from amber_mcp.settings import as_set

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_EXAMPLE = "Example: http://proxy.yourcompany.example:3128"


@dataclass(frozen=True)
class Way:
    """The way to `host`: directly, or through the proxy that `variable` names."""

    host: str
    proxy: httpx2.Proxy | None = None
    variable: str = ""

    @property
    def via(self) -> str:
        """The proxy's address, without user and password; empty where the way is direct."""
        if self.proxy is None:
            return ""
        url = self.proxy.url
        host = f"[{url.host}]" if ":" in url.host else url.host
        return f"{url.scheme}://{host}:{url.port or _PORTS[url.scheme]}"


def way_to(base_url: str) -> Way:
    """The way to `base_url`, as the environment (or the system, on Windows and macOS) has it.

    Raises:
        NotConfigured: naming the variable that holds no proxy's address.
    """
    url = urlsplit(base_url)
    host, port = url.hostname or "", url.port or _PORTS[url.scheme]
    proxies = {kind: as_set(value) for kind, value in getproxies().items()}
    scheme = next((scheme for scheme in (url.scheme, "all") if proxies.get(scheme)), "")
    if not scheme or is_loopback(host) or is_excepted(host, port, proxies.get("no", "")):
        return Way(url.netloc)
    # The list of exceptions in the settings of Windows and macOS.
    if proxy_bypass(host):
        return Way(url.netloc)
    variable = f"{scheme.upper()}_PROXY"
    return Way(url.netloc, _proxy(variable, proxies[scheme]), variable)


def is_excepted(host: str, port: int, exceptions: str) -> bool:
    """Whether `NO_PROXY` names `host`.

    An entry is a name, which stands for all names below it as well (`.name` and `*.name` are the
    same), an address, a network (`10.0.0.0/8`), any of the first two with a port, or `*`.
    """
    for entry in re.split(r"[\s,]+", exceptions.lower()):
        match = re.fullmatch(r"(\[.*\]|[^:]*)(?::(\d{1,5}))?", entry)
        named, of_port = match.groups() if match else (entry, None)
        if of_port is not None and int(of_port) != port:
            continue
        if named == "*" or _in_network(host, named.strip("[]")):
            return True
        name = named.removeprefix("*").strip(".")
        if name and f".{host}".endswith(f".{name}"):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def _proxy(variable: str, address: str) -> httpx2.Proxy:
    """The proxy at `address`, which may hold a password: no error repeats it."""
    try:
        proxy = _Proxy(address if "://" in address else f"http://{address}")
    except (ValueError, httpx2.InvalidURL):
        proxy = None
    if proxy is None or not _is_a_host(proxy.url):
        raise NotConfigured(
            f"{variable} is not the address of a proxy: http://, https:// or socks5://, a host "
            "and a port. Special characters in a password must be percent-encoded. " + _EXAMPLE
        )
    if not proxy.url.scheme.startswith("socks"):
        return proxy
    if find_spec("socksio") is None:
        raise NotConfigured(
            f"{variable} names a SOCKS proxy, and what it needs is not installed",
            advice="Install amber-mcp with its extra: `pip install 'amber-mcp[socks]'`.",
        )
    if any(len(part) > 255 for part in proxy.raw_auth or ()):
        raise NotConfigured(f"{variable} holds a user name or a password too long for SOCKS (255)")
    return proxy


def _is_a_host(url: httpx2.URL) -> bool:
    """Whether `url` leads to a host, at a port that can be, and to nothing on it."""
    may_be = url.port is None or 0 < url.port < 65_536
    rest = url.path.removeprefix("/") or url.query or url.fragment
    return bool(url.host) and may_be and not rest


class _Proxy(httpx2.Proxy):
    """httpx2's, with a password that stays hidden where httpcore2 logs it (SOCKS, at DEBUG)."""

    @property
    def raw_auth(self) -> tuple[bytes, bytes] | None:
        if self.auth is None:
            return None
        user, password = self.auth
        return user.encode(), _Hidden(password.encode())


class _Hidden(bytes):
    def __repr__(self) -> str:
        return "[hidden]"
