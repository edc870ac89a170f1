"""The one HTTP client: where requests go, what they carry, and what comes back of them."""

import logging
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import IO, Self

import anyio
import anyio.to_thread
import httpx2
from pydantic import SecretStr

from amber_mcp import __version__
from amber_mcp.errors import MAY_BE_TAKEN, AmberError, UpstreamError
from amber_mcp.redaction import redacted
from amber_mcp.settings import Settings

from .failures import MAX_ERROR_BYTES, failure_of, request_id_of, words_of
from .json_text import TooDeepError, parse_json
from .network import transport_for
from .patience import Turns, persistently
from .proxies import way_to
from .stream import Limits, too_long
from .unreachable import failure_to_reach, failure_to_read

logger = logging.getLogger(__name__)

_ERROR_BODY_SECONDS = 2.0
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)


class HttpClient:
    """Requests to one host with one key. Build it once, as an async context manager.

    Redirects are not followed, since the key would go along.

    Raises:
        NotConfigured: if a variable leads to a proxy or a certificate that cannot be used.
    """

    def __init__(self, base_url: str, api_key: SecretStr, settings: Settings) -> None:
        self._root = base_url
        self._way = way_to(base_url)
        self._key = api_key
        self._retries = settings.retries
        self._turns = Turns(settings.max_concurrent_requests, self._way.host)
        self.limits = Limits(settings.max_response_bytes, settings.max_event_bytes)
        self._client = httpx2.AsyncClient(
            headers={
                "Authorization": f"Bearer {api_key.get_secret_value()}",
                "User-Agent": f"amber-mcp/{__version__}",
            },
            timeout=httpx2.Timeout(
                settings.read_timeout, connect=settings.connect_timeout, pool=None
            ),
            transport=transport_for(self._way, base_url, settings),
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._client.aclose()

    async def get(self, path: str) -> object:
        """The JSON body that `path` answers with."""
        request = self._client.build_request("GET", self._root + path)
        async with self._exchange(request, repeatable=True) as response:
            return await self.read_json(response)

    async def post_json(
        self, path: str, body: Mapping[str, object], *, repeatable: bool = False
    ) -> object:
        """The JSON body that `path` answers to `body` with."""
        accept = "application/json"
        async with self.post(path, body, accept=accept, repeatable=repeatable) as response:
            return await self.read_json(response)

    @asynccontextmanager
    async def post(
        self, path: str, body: Mapping[str, object], *, accept: str, repeatable: bool
    ) -> AsyncIterator[httpx2.Response]:
        """The open response to `body`, sent as JSON.

        Args:
            repeatable: whether it does no harm if upstream gets the request twice.
        """
        request = self._client.build_request(
            "POST", self._root + path, json=body, headers={"Accept": accept}
        )
        async with self._exchange(request, repeatable=repeatable) as response:
            yield response

    async def upload(
        self, path: str, *, field: str, filename: str, media_type: str, file: IO[bytes]
    ) -> object:
        """Send `file` as `multipart/form-data`, piece by piece, and return the JSON answer."""
        url = self._root + path
        form = self._client.build_request("POST", url, files={field: (filename, file, media_type)})
        headers = {name: form.headers[name] for name in ("content-type", "content-length")}
        content = _in_worker_threads(iter(form.stream))  # type: ignore[arg-type]  # a form is both
        request = self._client.build_request("POST", url, headers=headers, content=content)
        async with self._exchange(request, repeatable=False) as response:
            return await self.read_json(response)

    async def read_json(self, response: httpx2.Response) -> object:
        """A response's body, read as JSON.

        Raises:
            UpstreamError: if it is too long, or not JSON (a login page of a proxy, say).
        """
        content = await _read_bounded(response, self.limits.body_bytes + 1)
        if len(content) > self.limits.body_bytes:
            raise too_long(self.limits.body_bytes)
        try:
            body: object = parse_json(content)
        except ValueError as error:
            raise UpstreamError(
                "the answer is "
                + ("nested too deeply" if isinstance(error, TooDeepError) else "not JSON"),
                status=response.status_code,
                upstream=words_of(content[:MAX_ERROR_BYTES]),
                request_id=request_id_of(response),
                advice="Check the base URL: a login page or a proxy may have answered.",
            ) from None
        return body

    @asynccontextmanager
    async def _exchange(
        self, request: httpx2.Request, *, repeatable: bool
    ) -> AsyncIterator[httpx2.Response]:
        """The open response to `request`, once its status is known to be good.

        Raises:
            AmberError: of the kind that the status, or the failed exchange, stands for.
        """

        async def send() -> httpx2.Response:
            began = time.monotonic()
            response = await self._client.send(request, stream=True)
            logger.debug("response", extra=_told(response, time.monotonic() - began))
            if response.is_success:
                return response
            try:
                raise failure_of(response, await _read_error(response))
            finally:
                await response.aclose()

        opened = False
        try:
            async with self._turns.taken():
                response = await persistently(send, retries=self._retries, repeatable=repeatable)
                opened = True
                try:
                    yield response
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, ssl.SSLError) as error:  # httpx2 lets late alerts of TLS through
            failure = (failure_to_read if opened else failure_to_reach)(error, self._way)
            if not repeatable and not isinstance(error, _NOT_SENT):
                failure.next_step = MAY_BE_TAKEN
            raise self._without_key(failure) from error
        except AmberError as error:
            if not repeatable and (error.status or 0) >= 500:
                error.next_step = MAY_BE_TAKEN
            raise self._without_key(error)  # noqa: B904  # the same error, cleaned

    def _without_key(self, error: AmberError) -> AmberError:
        key = self._key.get_secret_value()
        error.upstream = redacted(error.upstream, key, is_cut=True)
        error.message = redacted(error.message, key)
        error.next_step = redacted(error.next_step, key)
        error.request_id = redacted(error.request_id, key)
        return error


def _told(response: httpx2.Response, seconds: float) -> dict[str, object]:
    request = response.request
    return {
        "method": request.method,
        "host": request.url.netloc.decode("ascii", "replace"),
        "path": request.url.path,
        "status": response.status_code,
        "seconds": f"{seconds:.3f}",
        "request_id": request_id_of(response) or "-",
    }


async def _read_error(response: httpx2.Response) -> bytes:
    """What can be had of an error's body: its status is known, whatever becomes of the body."""
    content = bytearray()
    with anyio.move_on_after(_ERROR_BODY_SECONDS), suppress(httpx2.HTTPError, ssl.SSLError):
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) >= MAX_ERROR_BYTES:
                break
    return bytes(content[:MAX_ERROR_BYTES])


async def _read_bounded(response: httpx2.Response, most: int) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) >= most:
            break
    return bytes(content[:most])


async def _in_worker_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each chunk is made in a worker thread: reading a file must not hold up the event loop."""
    while chunk := await anyio.to_thread.run_sync(next, chunks, b""):
        yield chunk
