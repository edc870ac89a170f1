"""The one HTTP client: where requests go, what they carry, and what comes back of them."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import IO, Self
from urllib.parse import urlsplit

import anyio.to_thread
import httpx2
from pydantic import SecretStr

from amber_mcp import __version__
from amber_mcp.addresses import is_loopback
from amber_mcp.errors import AmberError, UpstreamError
from amber_mcp.redaction import redacted
from amber_mcp.settings import Settings

from .failures import MAX_ERROR_BYTES, failure_of, failure_to_reach, request_id_of, words_of
from .json_text import parse_json
from .patience import Turns, persistently
from .stream import Limits, too_long


class HttpClient:
    """Requests to one host with one key. Build it once, as an async context manager.

    Redirects are not followed, since the key would go along. Requests to this machine pass by
    the proxies of the environment.
    """

    def __init__(self, base_url: str, api_key: SecretStr, settings: Settings) -> None:
        url = urlsplit(base_url)
        self._root = base_url
        self._host = url.netloc
        self._key = api_key
        self._retries = settings.retries
        self._turns = Turns(settings.max_concurrent_requests, url.netloc)
        self.limits = Limits(settings.max_response_bytes, settings.max_event_bytes)
        self._client = httpx2.AsyncClient(
            headers={
                "Authorization": f"Bearer {api_key.get_secret_value()}",
                "User-Agent": f"amber-mcp/{__version__}",
            },
            timeout=httpx2.Timeout(
                settings.read_timeout, connect=settings.connect_timeout, pool=None
            ),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
            trust_env=not is_loopback(url.hostname or ""),
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
                f"the answer is not JSON that can be read ({error})",
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
            response = await self._client.send(request, stream=True)
            if response.is_success:
                return response
            try:
                raise failure_of(response, await _read_bounded(response, MAX_ERROR_BYTES))
            finally:
                await response.aclose()

        try:
            async with self._turns.taken():
                response = await persistently(send, retries=self._retries, repeatable=repeatable)
                try:
                    yield response
                finally:
                    await response.aclose()
        except httpx2.HTTPError as error:
            raise self._without_key(failure_to_reach(error, self._host)) from error
        except AmberError as error:
            raise self._without_key(error)  # noqa: B904  # the same error, cleaned

    def _without_key(self, error: AmberError) -> AmberError:
        key = self._key.get_secret_value()
        error.upstream = redacted(error.upstream, key)
        error.request_id = redacted(error.request_id, key)
        return error


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
