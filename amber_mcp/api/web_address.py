"""The addresses of sources: where they lead stands in them, and nothing else does."""

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote, urlsplit

from amber_mcp.text.json_values import well_formed

_MAX_CHARS = 2_000
_MAX_HOST_CHARS = 253
_UNSAFE = re.compile(r"""(?:[^\w!-~]|[\"'`<>\\^{|}\u115f\u1160\u3164\uffa0])+""")


def web_address(text: str) -> str:
    """The http(s) address that `text` is; "" if it is none.

    The host is shown as it is looked up (a name that only looks like another one has another
    form), user and password are left out, and blanks and quotation marks are encoded.
    """
    text = well_formed(text.strip())
    if len(text) > _MAX_CHARS:
        return ""
    try:
        parts = urlsplit(re.sub(r"[\t\r\n]", "", text))
        host = _host(parts.hostname or "")
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:  # UnicodeError is one, too.
        return ""
    if parts.scheme not in ("http", "https") or not host or "\\" in parts.netloc:
        return ""
    rest = parts._replace(scheme="", netloc="").geturl()
    return f"{parts.scheme}://{host}{port}{_encoded(rest)}"


def leads_here(address: str) -> bool:
    """Whether a `web_address` is of this machine or its link, where nobody else's page is."""
    host = urlsplit(address).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ip = ip_address(host)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip
    return mapped.is_loopback or mapped.is_link_local or mapped.is_unspecified


def _host(name: str) -> str:
    """A host's name in ASCII, or its address.

    Raises:
        ValueError: if it is neither.
    """
    name = name.rstrip(".")
    if re.search(r"(?:^|\.)(?:\d+|0[Xx][\dA-Fa-f]*)$", name) or ":" in name:
        address = ip_address(name)  # Browsers read `127.1` and `0x7f000001` as addresses, too.
        return f"[{address}]" if address.version == 6 else str(address)
    if len(name) > _MAX_HOST_CHARS:
        raise ValueError
    ascii_name = name.lower() if name.isascii() else _to_ascii(name)
    if not re.fullmatch(r"[\w-]{1,63}(?:\.[\w-]{1,63})*", ascii_name, re.ASCII):
        raise ValueError
    return ascii_name


def _to_ascii(name: str) -> str:
    """A name as browsers look it up (UTS 46)."""
    from idna import encode  # Hardly ever needed.

    return encode(name, uts46=True).decode("ascii")


def _encoded(rest: str) -> str:
    """Path, query and fragment, in which what would end an address, or hides, is encoded."""
    return _UNSAFE.sub(lambda found: quote(found[0]), rest)
