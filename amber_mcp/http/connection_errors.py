"""From an exchange that failed to what was in the way, and what to set.

httpx2 wraps what went wrong: the TLS library's and the system's own words are further down. No
message holds the request's address, or the user and password of a proxy.
"""

import os
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from http import HTTPStatus

import anyio
import httpx2

from amber_mcp.errors import (
    AmberError,
    StreamBroken,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnreachable,
)

from .error_responses import CLIENT_CERTIFICATE, bound_text
from .proxies import ProxyRoute

_AUTHORITY = (
    "If your company has an authority of its own, or inspects TLS, get the authority's "
    "certificate from your IT department as a PEM file and point AMBER_CA_BUNDLE at it, or "
    "have it installed in the system's trust store. SSL_CERT_FILE, where it is set, replaces "
    "that store."
)
_Diagnoses = Sequence[tuple[str, str, str]]
"""A pattern of the TLS library's words, what it means, and what to do; the first match counts."""

_CERTIFICATE: _Diagnoses = (
    (
        "expired|validity period",
        "the certificate of {peer} has expired",
        "Tell whoever runs it, and check this machine's clock.",
    ),
    (
        "not yet valid",
        "the certificate of {peer} is not valid yet",
        "Check this machine's clock.",
    ),
    (
        "mismatch|not match",
        "the certificate of {peer} is for another name ({words})",
        "Check the host in the base URL: it must be a name that the certificate holds.",
    ),
    (
        "self.signed|issuer|first certificate|not trusted",
        "the certificate of {peer} is from an authority that is not trusted here ({words})",
        _AUTHORITY,
    ),
    ("", "the certificate of {peer} could not be verified ({words})", _AUTHORITY),
)
_HANDSHAKE: _Diagnoses = (
    ("certificate required", "{peer} requires a client certificate", CLIENT_CERTIFICATE),
    (
        "alert.*(certificate|unknown ca|access denied|decrypt)",
        "{peer} refused the client certificate ({words})",
        CLIENT_CERTIFICATE,
    ),
    (
        "handshake failure",
        "{peer} refused the TLS handshake ({words})",
        "It may require a client certificate (AMBER_CLIENT_CERT), or speak no safe TLS.",
    ),
    (
        "protocol|legacy sigalg",
        "{peer} speaks no version of TLS that is accepted here ({words})",
        "Ask whoever runs it for TLS 1.2 or 1.3.",
    ),
    (
        "wrong version number|http request|record layer|too long",
        "{peer} does not speak TLS on that port ({words})",
        "Check the port in the base URL, and whether it is https there.{of_proxy}",
    ),
    ("", "TLS with {peer} failed ({words})", ""),
)
_CUT = (anyio.EndOfStream, anyio.BrokenResourceError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


def read_error(error: Exception, route: ProxyRoute) -> AmberError:
    """The error that stands for an exchange which failed when its answer had begun."""
    failure = connection_error(error, route)
    if isinstance(failure, UpstreamUnreachable):
        return StreamBroken(f"the answer of {route.host} stopped before its end{_detail(error)}")
    return failure


def connection_error(error: Exception, route: ProxyRoute) -> AmberError:
    """The error that a failed exchange (an error of httpx2 or of TLS) stands for."""
    through = f" through the proxy {route.via}" if route.proxy else ""
    match error:
        case httpx2.ConnectTimeout():
            check = f"the proxy ({route.variable})" if route.proxy else "whether a proxy is needed"
            return UpstreamUnreachable(
                f"no connection to {route.host}{through} in time",
                advice=f"Check the network and {check}, or raise AMBER_CONNECT_TIMEOUT.",
            )
        case httpx2.TimeoutException():
            return UpstreamTimeout(
                f"{_host_or_proxy(route)} was silent for too long",
                advice="Ask again, or raise AMBER_READ_TIMEOUT.",
            )
        case httpx2.ProxyError():
            return _refused_by_proxy(str(error), route)
        case httpx2.SSEError() if "limit" in str(error):
            return UpstreamError(
                f"an event of the answer of {route.host} is longer than AMBER_MAX_JSON_BYTES",
                advice="Ask something narrower, or raise AMBER_MAX_JSON_BYTES.",
            )
        case httpx2.SSEError() | httpx2.DecodingError():
            return UpstreamError(f"the answer of {route.host} cannot be read{_detail(error)}")
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                words = bound_text(getattr(cause, "verify_message", "") or str(cause)).rstrip(".")
                return _diagnosed(_CERTIFICATE, words, route)
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                break
            case ssl.SSLError():
                words = (cause.reason or bound_text(str(cause))).replace("_", " ").lower()
                return _diagnosed(_HANDSHAKE, words, route)
            case socket.gaierror():
                return _unresolved(route)
    if isinstance(error, httpx2.ConnectError):
        return _unconnected(error, route)
    return UpstreamUnreachable(f"the connection to {route.host}{through} broke{_detail(error)}")


def is_transient(error: Exception) -> bool:
    """Whether no connection was made, for a reason that may be gone a moment later."""
    if not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return False
    return not any(
        isinstance(cause, ssl.SSLError)
        or (isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME)
        for cause in _causes(error)
    )


def _refused_by_proxy(said: str, route: ProxyRoute) -> AmberError:
    """What an HTTP proxy's status, or httpcore2's words for a SOCKS proxy's reply, stand for."""
    proxy = f"the proxy {route.via}"
    status = int(said[:3]) if re.match(r"[1-5]\d\d\b", said) else 0
    shown = f"{status} {HTTPStatus(status).phrase}" if status in set(HTTPStatus) else status
    if status == 407 or said.startswith("Invalid username") or "USERNAME/PASSWORD" in said:
        return UpstreamUnreachable(
            f"{proxy} does not accept the user name and password in {route.variable}"
            if route.proxy and route.proxy.auth
            else f"{proxy} asks for a user name and a password",
            # With `://` before it, this would be redacted.
            advice=f"In {route.variable}, put user:password@ before the host, special characters "
            "percent-encoded. A proxy that takes nothing but NTLM or Kerberos needs a helper "
            "program on this machine, to which the variable then points.",
        )
    if said == "no SOCKS 5 answer" or "NO ACCEPTABLE" in said:
        return UpstreamUnreachable(
            f"{proxy} does not accept this program's SOCKS 5",
            advice=f"Check {route.variable}: it may speak HTTP (http://…), or want a user name.",
        )
    if 400 <= status < 500 or "not allowed" in said:
        return UpstreamUnreachable(
            f"{proxy} does not allow the way to {route.host}" + (f" ({shown})" if shown else ""),
            advice=f"Ask your IT department to allow {route.host}. If it is reached without a "
            "proxy, name it in NO_PROXY.",
        )
    reason = shown or bound_text(said).rpartition(": ")[2].rstrip(".")
    return UpstreamUnreachable(
        f"{proxy} could not reach {route.host} ({reason})",
        advice="Check the host in the base URL. If it is inside your network and reached "
        "without a proxy, name it in NO_PROXY.",
    )


def _diagnosed(diagnoses: _Diagnoses, words: str, route: ProxyRoute) -> AmberError:
    of_proxy = f" Most proxies are http:// in {route.variable}." if route.proxy else ""
    known = {"peer": _tls_peer(route), "words": words, "of_proxy": of_proxy}
    meaning, advice = next(
        (meaning, advice)
        for pattern, meaning, advice in diagnoses
        if re.search(pattern, words, re.IGNORECASE)
    )
    return UpstreamUnreachable(meaning.format_map(known), advice=advice.format_map(known))


def _unresolved(route: ProxyRoute) -> AmberError:
    if route.proxy:
        return UpstreamUnreachable(
            f"the name of the proxy {route.via} is unknown here",
            advice=f"Check {route.variable}, and whether this machine is in the company's network "
            "(VPN).",
        )
    return UpstreamUnreachable(
        f"the name of {route.host} is unknown here",
        advice="Check the host in the base URL, and the network. Where the web is reached "
        "through a proxy, set HTTPS_PROXY.",
    )


def _unconnected(error: httpx2.ConnectError, route: ProxyRoute) -> AmberError:
    causes = list(_causes(error))
    if any(isinstance(cause, _CUT) for cause in causes):
        through = f", through the proxy {route.via}" if route.proxy else ""
        return UpstreamUnreachable(
            f"{_tls_peer(route)} cut the connection during the TLS handshake{through}",
            advice="A firewall may be in the way, or a client certificate may be required "
            "(AMBER_CLIENT_CERT). Where the web is reached through a proxy, set HTTPS_PROXY.",
        )
    numbers = [cause.errno for cause in causes if isinstance(cause, OSError) and cause.errno]
    why = f" ({os.strerror(numbers[0])})" if numbers else _detail(error)
    if route.proxy:
        return UpstreamUnreachable(
            f"the proxy {route.via} cannot be reached{why}",
            advice=f"Check the host and the port in {route.variable}, and whether this machine is "
            "in the company's network (VPN).",
        )
    return UpstreamUnreachable(f"no connection to {route.host}{why}")


def _tls_peer(route: ProxyRoute) -> str:
    """Who is at the other end of TLS; a proxy that is spoken to in TLS may be meant as well."""
    return _host_or_proxy(route) if route.via.startswith("https:") else route.host


def _host_or_proxy(route: ProxyRoute) -> str:
    return f"{route.host} (or the proxy {route.via})" if route.proxy else route.host


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # httpcore2 raises its errors `from None`, which hides the ones they were made from.
        hidden = error.__context__ if error.__suppress_context__ else None
        error = error.__cause__ or hidden


def _detail(error: Exception) -> str:
    """What the HTTP library says, without what it repeats of the answer behind a colon."""
    words = bound_text(str(error)).partition(": ")[0].rstrip(".")
    return f" ({words})" if words else ""
