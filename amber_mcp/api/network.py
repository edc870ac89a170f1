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
    return httpx2.AsyncHTTPTransport(verify=context, proxy=way.proxy, limits=_LIMITS)


class _SocksTransport(httpx2.AsyncHTTPTransport):
    """httpx2's, which lets the errors of the SOCKS library through as they are."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        from socksio import SOCKSError

        try:
            return await super().handle_async_request(request)
        except SOCKSError as error:
            raise httpx2.ProxyError("no SOCKS 5 answer") from error
