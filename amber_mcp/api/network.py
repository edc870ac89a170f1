"""What carries requests to a host: past the proxies of the environment, with TLS as configured."""

import ssl

import httpx2

from amber_mcp.settings import Settings
from amber_mcp.tls import tls_context

from .proxies import Way

_LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
"""How many requests there are at a time is said in `patience.py`, where whoever waits is told."""


def transport_for(way: Way, base_url: str, settings: Settings) -> httpx2.AsyncBaseTransport:
    """What carries requests along `way`.

    Raises:
        NotConfigured: as `tls_context` does.
    """
    if not base_url.startswith("https:"):
        # The context is never used, and quick to make.
        trusts_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return httpx2.AsyncHTTPTransport(verify=trusts_nobody, limits=_LIMITS)
    context = tls_context(settings)
    if way.proxy is None:
        return httpx2.AsyncHTTPTransport(verify=context, limits=_LIMITS)
    if way.proxy.url.scheme.startswith("socks"):
        return _SocksTransport(verify=context, proxy=way.proxy, limits=_LIMITS)
    if way.proxy.url.scheme == "https":
        way.proxy.ssl_context = context
    return _ProxyTransport(verify=context, proxy=way.proxy, limits=_LIMITS)


class _ProxyTransport(httpx2.AsyncHTTPTransport):
    """httpx2's, which waits for a proxy's consent as long as for an answer: here it is connecting.

    httpcore2 looks up the limits of a request before each step, and tells which one it is at.
    """

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        limits: dict[str, float | None] = request.extensions["timeout"]
        given = dict(limits)
        is_asking = False

        async def follow(step: str, _: object) -> None:
            nonlocal is_asking
            if step.endswith(".connect_tcp.started"):
                is_asking = True
                limits.update(read=given["connect"], write=given["connect"])
            elif step in ("proxy.start_tls.started", "socks.start_tls.started"):
                is_asking = False
                limits.update(given)

        request.extensions["trace"] = follow
        try:
            return await super().handle_async_request(request)
        except (httpx2.ReadTimeout, httpx2.WriteTimeout) as error:
            if is_asking:
                raise httpx2.ConnectTimeout("no consent of the proxy") from error
            raise
        finally:
            limits.update(given)


class _SocksTransport(_ProxyTransport):
    """The same for SOCKS: httpx2 lets the errors of its library through as they are."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        from socksio import SOCKSError

        try:
            return await super().handle_async_request(request)
        except SOCKSError as error:
            raise httpx2.ProxyError("no SOCKS 5 answer") from error
