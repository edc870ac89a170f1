"""Which proxy leads to a host, as the environment or the system says."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from amber_mcp.config.environment import is_template, variable_value
from amber_mcp.config.parsers import is_loopback
from amber_mcp.errors import NotConfigured

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_EXAMPLE = "Example: http://proxy.yourcompany.example:3128"


@dataclass(frozen=True)
class ProxyRoute:
    """How `host` (with its port, where one is given) is reached: directly, or through `proxy`.

    `variable` is the environment variable that names the proxy.
    """

    host: str
    proxy: httpx2.Proxy | None = None
    variable: str = ""

    @property
    def via(self) -> str:
        """The proxy's address without user and password; "" without a proxy."""
        if self.proxy is None:
            return ""
        url = self.proxy.url
        host = f"[{url.host}]" if ":" in url.host else url.host
        return f"{url.scheme}://{host}:{url.port or _PORTS[url.scheme]}"


def route_to(base_url: str) -> ProxyRoute:
    """The route to `base_url`, by `HTTPS_PROXY` and its kin, or the system's settings.

    This machine is always reached directly.

    Raises:
        NotConfigured: naming the variable that holds no proxy's address.
    """
    url = urlsplit(base_url)
    host, port = url.hostname or "", url.port or _PORTS[url.scheme]
    given = {kind: variable_value(value) for kind, value in getproxies().items()}
    proxies = {kind: value for kind, value in given.items() if not is_template(value)}
    scheme = next((scheme for scheme in (url.scheme, "all") if proxies.get(scheme)), "")
    if not scheme or is_loopback(host) or is_excluded(host, port, proxies.get("no", "")):
        return ProxyRoute(url.netloc)
    if proxy_bypass(host):  # by the exceptions in the settings of Windows and macOS
        return ProxyRoute(url.netloc)
    variable = f"{scheme.upper()}_PROXY"
    return ProxyRoute(url.netloc, _proxy(variable, proxies[scheme]), variable)


def is_excluded(host: str, port: int, exceptions: str) -> bool:
    """Whether `NO_PROXY` names `host`.

    An entry is a name, which stands for all names below it as well (`.name` and `*.name` are the
    same), an address, a network (`10.0.0.0/8`), any of the first two with a port, or `*`.
    """
    for entry in re.split(r"[\s,]+", exceptions.lower()):
        match = re.fullmatch(r"(\[.*\]|[^:]*)(?::(\d{1,5}))?", entry)
        excluded, its_port = match.groups() if match else (entry, None)
        if its_port is not None and int(its_port) != port:
            continue
        if excluded == "*" or _in_network(host, excluded.strip("[]")):
            return True
        name = excluded.removeprefix("*").strip(".")
        if name and f".{host}".endswith(f".{name}"):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def _proxy(variable: str, address: str) -> httpx2.Proxy:
    """The proxy at `address`, which no error repeats: it may hold a password."""
    try:
        proxy = _QuietProxy(address if "://" in address else f"http://{address}")
    except (ValueError, httpx2.InvalidURL):
        proxy = None
    if proxy is None or not _is_host_and_port(proxy.url):
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


def _is_host_and_port(url: httpx2.URL) -> bool:
    """Whether `url` holds a host, perhaps a valid port, and no path, query or fragment."""
    is_valid_port = url.port is None or 0 < url.port < 65_536
    rest = url.path.removeprefix("/") or url.query or url.fragment
    return bool(url.host) and is_valid_port and not rest


class _QuietProxy(httpx2.Proxy):
    """A proxy whose password stays out of the log that httpcore2 writes at DEBUG (for SOCKS)."""

    @property
    def raw_auth(self) -> tuple[bytes, bytes] | None:
        if self.auth is None:
            return None
        user, password = self.auth
        return user.encode(), _HiddenBytes(password.encode())


class _HiddenBytes(bytes):
    def __repr__(self) -> str:
        return "{hidden}"
