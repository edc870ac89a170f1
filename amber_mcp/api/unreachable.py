"""From an exchange that failed to what was in the way, and what to set.

httpx2 wraps what went wrong: the TLS library's and the system's own words are further down. No
message holds the request's address, or the user and password of a proxy.
"""

import os
import re
import socket
import ssl
from collections.abc import Iterator
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

from .failures import CLIENT_CERTIFICATE, bounded
from .proxies import Way

_AUTHORITY = (
    "If your company has an authority of its own, or inspects TLS, get the authority's "
    "certificate from your IT department as a PEM file and point AMBER_CA_BUNDLE at it, or "
    "have it installed in the system's trust store. SSL_CERT_FILE, where it is set, replaces "
    "that store."
)


def failure_to_read(error: Exception, way: Way) -> AmberError:
    """The error that stands for an exchange which failed when its answer had begun."""
    failure = failure_to_reach(error, way)
    if isinstance(failure, UpstreamUnreachable):
        return StreamBroken(f"the answer of {way.host} stopped before its end{_detail(error)}")
    return failure


def failure_to_reach(error: Exception, way: Way) -> AmberError:
    """The error that a failed exchange (an error of httpx2 or of TLS) stands for."""
    through = f" through the proxy {way.via}" if way.proxy else ""
    match error:
        case httpx2.ConnectTimeout():
            check = f"the proxy ({way.variable})" if way.proxy else "whether a proxy is needed"
            return UpstreamUnreachable(
                f"no connection to {way.host}{through} in time",
                advice=f"Check the network and {check}, or raise AMBER_CONNECT_TIMEOUT.",
            )
        case httpx2.TimeoutException():
            return UpstreamTimeout(
                f"{_host_or_proxy(way)} was silent for too long",
                advice="Ask again, or raise AMBER_READ_TIMEOUT.",
            )
        case httpx2.ProxyError():
            return _refused_by_proxy(str(error), way)
        case httpx2.SSEError() if "limit" in str(error):
            return UpstreamError(
                f"an event of the answer of {way.host} is longer than AMBER_MAX_EVENT_BYTES",
                advice="Ask something narrower, or raise AMBER_MAX_EVENT_BYTES.",
            )
        case httpx2.SSEError() | httpx2.DecodingError():
            return UpstreamError(f"the answer of {way.host} cannot be read{_detail(error)}")
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return _unverified(cause, way)
            case ssl.SSLEOFError():
                break
            case ssl.SSLError():
                return _failed_handshake(cause, way)
            case socket.gaierror():
                return _unresolved(way)
    if isinstance(error, httpx2.ConnectError):
        return _unconnected(error, way)
    return UpstreamUnreachable(f"the connection to {way.host}{through} broke{_detail(error)}")


def may_pass(error: Exception) -> bool:
    """Whether no connection was made, for a reason that may be gone a moment later."""
    if not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return False
    return not any(
        isinstance(cause, ssl.SSLError)
        or (isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME)
        for cause in _causes(error)
    )


def _refused_by_proxy(said: str, way: Way) -> AmberError:
    """What an HTTP proxy's status, or httpcore2's words for a SOCKS proxy's reply, stand for."""
    proxy = f"the proxy {way.via}"
    status = int(said[:3]) if re.match(r"[1-5]\d\d\b", said) else 0
    shown = f"{status} {HTTPStatus(status).phrase}" if status in set(HTTPStatus) else status
    if status == 407 or said.startswith("Invalid username") or "USERNAME/PASSWORD" in said:
        return UpstreamUnreachable(
            f"{proxy} does not accept the user name and password in {way.variable}"
            if way.proxy and way.proxy.auth
            else f"{proxy} asks for a user name and a password",
            # With `://` before it, this would be redacted.
            advice=f"In {way.variable}, put user:password@ before the host, special characters "
            "percent-encoded. A proxy that takes nothing but NTLM or Kerberos needs a helper "
            "program on this machine, to which the variable then points.",
        )
    if said == "no SOCKS 5 answer" or "NO ACCEPTABLE" in said:
        return UpstreamUnreachable(
            f"{proxy} does not accept this program's SOCKS 5",
            advice=f"Check {way.variable}: it may speak HTTP (http://…), or want a user name.",
        )
    if 400 <= status < 500 or "not allowed" in said:
        return UpstreamUnreachable(
            f"{proxy} does not allow the way to {way.host}" + (f" ({shown})" if shown else ""),
            advice=f"Ask your IT department to allow {way.host}. If it is reached without a "
            "proxy, name it in NO_PROXY.",
        )
    reason = shown or bounded(said).rpartition(": ")[2].rstrip(".")
    return UpstreamUnreachable(
        f"{proxy} could not reach {way.host} ({reason})",
        advice="Check the host in the base URL. If it is inside your network and reached "
        "without a proxy, name it in NO_PROXY.",
    )


def _unverified(error: ssl.SSLCertVerificationError, way: Way) -> AmberError:
    said = bounded(getattr(error, "verify_message", "") or str(error)).rstrip(".")
    of = f"the certificate of {_peer(way)}"
    match said.lower():
        case words if "expired" in words or "validity period" in words:
            return UpstreamUnreachable(
                f"{of} has expired",
                advice="Tell whoever runs it, and check this machine's clock.",
            )
        case words if "not yet valid" in words:
            return UpstreamUnreachable(
                f"{of} is not valid yet", advice="Check this machine's clock."
            )
        case words if "mismatch" in words or "not match" in words:
            return UpstreamUnreachable(
                f"{of} is for another name ({said})",
                advice="Check the host in the base URL: it must be a name that the certificate "
                "holds.",
            )
        case words if re.search(r"self.signed|issuer|first certificate|not trusted", words):
            return UpstreamUnreachable(
                f"{of} is from an authority that is not trusted here ({said})", advice=_AUTHORITY
            )
    return UpstreamUnreachable(f"{of} could not be verified ({said})", advice=_AUTHORITY)


def _failed_handshake(error: ssl.SSLError, way: Way) -> AmberError:
    reason = error.reason or bounded(str(error))
    why = f" ({reason.replace('_', ' ').lower()})"
    peer = _peer(way)
    if "CERTIFICATE_REQUIRED" in reason:
        return UpstreamUnreachable(
            f"{peer} requires a client certificate", advice=CLIENT_CERTIFICATE
        )
    if "ALERT" in reason and re.search("CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|DECRYPT", reason):
        return UpstreamUnreachable(
            f"{peer} refused the client certificate{why}", advice=CLIENT_CERTIFICATE
        )
    if "HANDSHAKE_FAILURE" in reason:
        return UpstreamUnreachable(
            f"{peer} refused the TLS handshake{why}",
            advice="It may require a client certificate (AMBER_CLIENT_CERT), or speak no TLS "
            "that is still safe.",
        )
    if "PROTOCOL" in reason:
        return UpstreamUnreachable(
            f"{peer} speaks no version of TLS that is accepted here{why}",
            advice="Ask whoever runs it for TLS 1.2 or 1.3.",
        )
    if re.search("WRONG_VERSION_NUMBER|HTTP_REQUEST|RECORD_LAYER|TOO_LONG", reason):
        of_proxy = f" Most proxies are http:// in {way.variable}." if way.proxy else ""
        return UpstreamUnreachable(
            f"{peer} does not speak TLS on that port{why}",
            advice=f"Check the port in the base URL, and whether it is https there.{of_proxy}",
        )
    return UpstreamUnreachable(f"TLS with {peer} failed{why}")


def _unresolved(way: Way) -> AmberError:
    if way.proxy:
        return UpstreamUnreachable(
            f"the name of the proxy {way.via} is unknown here",
            advice=f"Check {way.variable}, and whether this machine is in the company's network "
            "(VPN).",
        )
    return UpstreamUnreachable(
        f"the name of {way.host} is unknown here",
        advice="Check the host in the base URL, and the network. Where the web is reached "
        "through a proxy, set HTTPS_PROXY.",
    )


def _unconnected(error: httpx2.ConnectError, way: Way) -> AmberError:
    causes = list(_causes(error))
    if any(isinstance(cause, anyio.EndOfStream | anyio.BrokenResourceError) for cause in causes):
        through = f", through the proxy {way.via}" if way.proxy else ""
        return UpstreamUnreachable(
            f"{_peer(way)} cut the connection during the TLS handshake{through}",
            advice="A firewall may be in the way, or a client certificate may be required "
            "(AMBER_CLIENT_CERT). Where the web is reached through a proxy, set HTTPS_PROXY.",
        )
    numbers = [cause.errno for cause in causes if isinstance(cause, OSError) and cause.errno]
    why = f" ({os.strerror(numbers[0])})" if numbers else _detail(error)
    if way.proxy:
        return UpstreamUnreachable(
            f"the proxy {way.via} cannot be reached{why}",
            advice=f"Check the host and the port in {way.variable}, and whether this machine is "
            "in the company's network (VPN).",
        )
    return UpstreamUnreachable(f"no connection to {way.host}{why}")


def _peer(way: Way) -> str:
    """Who is at the other end of TLS; a proxy that is spoken to in TLS may be meant as well."""
    return _host_or_proxy(way) if way.via.startswith("https:") else way.host


def _host_or_proxy(way: Way) -> str:
    return f"{way.host} (or the proxy {way.via})" if way.proxy else way.host


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # httpcore2 raises its errors `from None`, which hides the ones they were made from.
        hidden = error.__context__ if error.__suppress_context__ else None
        error = error.__cause__ or hidden


def _detail(error: Exception) -> str:
    return f" ({detail})" if (detail := bounded(str(error)).rstrip(".")) else ""
