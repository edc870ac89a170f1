"""What carries requests to a host: past the proxies of the environment, with TLS as configured."""

import ssl

import httpx2

from amber_mcp.settings import Settings

from .proxies import Way
from .tls import tls_context


def transport_for(way: Way, base_url: str, settings: Settings) -> httpx2.AsyncBaseTransport:
    """What carries requests along `way`.

    Raises:
        NotConfigured: as `tls_context` does.
    """
    if not base_url.startswith("https:"):
        # Never used, and quick to make: it trusts nobody.
        return httpx2.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    context = tls_context(settings)
    if way.proxy is None:
        return httpx2.AsyncHTTPTransport(verify=context)
    if way.proxy.url.scheme.startswith("socks"):
        return _SocksTransport(verify=context, proxy=way.proxy)
    if way.proxy.url.scheme == "https":
        way.proxy.ssl_context = context
    return httpx2.AsyncHTTPTransport(verify=context, proxy=way.proxy)


class _SocksTransport(httpx2.AsyncHTTPTransport):
    """httpx2's, which lets the errors of the SOCKS library through as they are."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        from socksio import SOCKSError

        try:
            return await super().handle_async_request(request)
        except SOCKSError as error:
            raise httpx2.ProxyError("no SOCKS 5 answer") from error
