"""The connections of the HTTP client: every byte of an answer counts, whatever it is a part of."""

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2
from anyio.lowlevel import checkpoint

from .limits import Limits

_READ_BYTES = 4096
_FRAMING_BYTES = 128 * 1024
"""What headers take: the HTTP library reads at most 100 KiB of them."""


class LimitedBackend(httpcore2.AnyIOBackend):
    """Makes connections that are limited."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # as the base class has it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection that is limited."""
        stream = await super().connect_tcp(host, port, timeout, local_address, socket_options)
        return _LimitedStream(stream, self._limits)


class _LimitedStream(httpcore2.AsyncNetworkStream):
    """A connection that is read in small pieces, between which other tasks get their turn.

    An answer in chunks of one byte, or behind thousands of interim responses, takes a hundred
    times as long to take apart as to receive.
    """

    def __init__(self, stream: httpcore2.AsyncNetworkStream, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._received = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes; "" at the end.

        Raises:
            UpstreamError: after more bytes than an answer may have.
        """
        await checkpoint()
        content = await self._stream.read(min(max_bytes, _READ_BYTES), timeout)
        self._received += len(content)
        if self._received > self._limits.response_bytes + _FRAMING_BYTES:
            raise self._limits.response_too_long()
        return content

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send a piece of a request. What is received after it counts anew."""
        self._received = 0
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """The same connection with TLS."""
        stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _LimitedStream(stream, self._limits)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
