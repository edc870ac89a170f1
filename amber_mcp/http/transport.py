"""The transport to a host: through its proxy, if there is one, and with TLS as configured."""

import ssl

import httpx2

from amber_mcp.config.settings import Settings
from amber_mcp.config.tls import tls_context

from .h11_patterns import use_linear_patterns
from .limits import Limits
from .proxies import ProxyRoute

# Concurrent requests are limited by `RequestLimiter`, which reports who has to wait.
_CONNECTIONS = httpx2.Limits(max_connections=None, max_keepalive_connections=20)


def transport_for(
    route: ProxyRoute, base_url: str, settings: Settings, limits: Limits
) -> httpx2.AsyncBaseTransport:
    """The transport along `route`, whose answers are limited.

    Raises:
        NotConfigured: as `tls_context` does.
    """
    from .network import LimitedBackend  # Not before there is something to send.

    use_linear_patterns()

    transport = _transport(route, base_url, settings)
    transport._pool._network_backend = LimitedBackend(limits)  # httpx2 has no public way.
    return transport


def _transport(route: ProxyRoute, base_url: str, settings: Settings) -> httpx2.AsyncHTTPTransport:
    if not base_url.startswith("https:"):
        unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # quicker to make than the default one
        return httpx2.AsyncHTTPTransport(verify=unused, limits=_CONNECTIONS)
    context = tls_context(settings)
    if route.proxy is None:
        return httpx2.AsyncHTTPTransport(verify=context, limits=_CONNECTIONS)
    if route.proxy.url.scheme.startswith("socks"):
        return _SocksTransport(verify=context, proxy=route.proxy, limits=_CONNECTIONS)
    if route.proxy.url.scheme == "https":
        route.proxy.ssl_context = context
    return _ProxyTransport(verify=context, proxy=route.proxy, limits=_CONNECTIONS)


class _ProxyTransport(httpx2.AsyncHTTPTransport):
    """A transport that waits for a proxy to connect no longer than for a host to connect.

    httpx2 counts a proxy's answer to CONNECT as reading. httpcore2 takes the timeouts out of the
    request's extensions at each step, and reports each step to `trace`: so they are changed there.
    """

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        timeouts: dict[str, float | None] = request.extensions["timeout"]
        configured = dict(timeouts)
        is_connecting = False

        async def on_step(step: str, _: object) -> None:
            nonlocal is_connecting
            if step.endswith(".connect_tcp.started"):
                is_connecting = True
                timeouts.update(read=configured["connect"], write=configured["connect"])
            elif step in ("proxy.start_tls.started", "socks.start_tls.started"):
                is_connecting = False
                timeouts.update(configured)

        request.extensions["trace"] = on_step
        try:
            return await super().handle_async_request(request)
        except (httpx2.ReadTimeout, httpx2.WriteTimeout) as error:
            if is_connecting:
                raise httpx2.ConnectTimeout("the proxy did not connect in time") from error
            raise
        finally:
            timeouts.update(configured)


class _SocksTransport(_ProxyTransport):
    """The same for SOCKS, whose library's own errors httpx2 lets through."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        from socksio import SOCKSError

        try:
            return await super().handle_async_request(request)
        except SOCKSError as error:
            raise httpx2.ProxyError("no SOCKS 5 answer") from error
