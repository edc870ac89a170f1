"""The HTTP client: it sends requests to one host with one key, and turns failures into errors."""

import logging
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import IO, Self
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx2
from pydantic import JsonValue, SecretStr

from amber_mcp import __version__
from amber_mcp.config.parsers import is_loopback
from amber_mcp.config.settings import Settings
from amber_mcp.errors import ADMINISTRATOR, MAY_BE_TAKEN, AmberError, InvalidRequest, UpstreamError
from amber_mcp.text.json_values import UnreadableJsonError, encodable, parse_json_in_turns
from amber_mcp.text.redaction import redact

from .body import ACCEPT_ENCODING, body_of, check_encoding
from .connection_errors import connection_error, read_error
from .error_responses import MAX_ERROR_BYTES, error_for_response, error_text, request_id_of
from .limits import Limits
from .proxies import route_to
from .retry import RequestLimiter, send_with_retry
from .transport import transport_for

logger = logging.getLogger(__name__)

_ERROR_BODY_SECONDS = 2.0
_BEFORE_SENDING = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)


@dataclass(frozen=True, slots=True)
class Service:
    """Who answers at a host, as errors name them, and whom to ask about it."""

    name: str
    contact: str


AMBER = Service("amber", ADMINISTRATOR)
MORPHEUS = Service("Morpheus", "whoever runs the Morpheus gateway")
ADAPTIVE = Service("Adaptive Engine", "whoever runs your Adaptive Engine")


class _NoCookies(CookieJar):
    """A jar that stays empty: no answer changes the requests after it."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Read no `Set-Cookie`."""

    def add_cookie_header(self, request: object) -> None:
        """Send no `Cookie`."""


class HttpClient:
    """Requests to one host with one key. Build it once, as an async context manager.

    Redirects are not followed, since the key would go along, and no cookies are kept.

    Raises:
        NotConfigured: if a variable leads to a proxy or a certificate that cannot be used.
    """

    def __init__(
        self, base_url: str, api_key: SecretStr, settings: Settings, service: Service = AMBER
    ) -> None:
        self._root = base_url
        self._service = service
        self._route = route_to(base_url)
        self._key = api_key
        self._retries = settings.retries
        self._limiter = RequestLimiter(settings.max_concurrent_requests, self._route.host)
        self.limits = Limits(settings.max_response_bytes, settings.max_json_bytes)
        self._client = httpx2.AsyncClient(
            headers={
                "Authorization": f"Bearer {api_key.get_secret_value()}",
                "User-Agent": f"amber-mcp/{__version__}",
                "Accept-Encoding": ACCEPT_ENCODING,
            },
            timeout=httpx2.Timeout(
                settings.read_timeout, connect=settings.connect_timeout, pool=None
            ),
            transport=transport_for(self._route, base_url, settings, self.limits),
            cookies=_NoCookies(),
        )

    @property
    def is_local(self) -> bool:
        """Whether the host is this machine."""
        return is_loopback(urlsplit(self._root).hostname or "")

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
        self, path: str, body: Mapping[str, JsonValue], *, repeatable: bool = False
    ) -> object:
        """The JSON body that `path` answers to `body` with."""
        accept = "application/json"
        async with self.post(path, body, accept=accept, repeatable=repeatable) as response:
            return await self.read_json(response)

    @asynccontextmanager
    async def post(
        self, path: str, body: Mapping[str, JsonValue], *, accept: str, repeatable: bool
    ) -> AsyncIterator[httpx2.Response]:
        """The open response to `body`, sent as JSON.

        Args:
            repeatable: whether it does no harm if upstream gets the request twice.

        Raises:
            InvalidRequest: if `body` holds a number that JSON does not have.
            AmberError: of the kind that the exchange leads to.
        """
        try:
            content = encodable(dict(body))
        except ValueError as error:
            raise InvalidRequest(str(error)) from None
        request = self._client.build_request(
            "POST", self._root + path, json=content, headers={"Accept": accept}
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
        content = bytearray()
        await _read(response, content, self.limits.json_bytes + 1)
        if len(content) > self.limits.json_bytes:
            raise self.limits.json_too_long()
        try:
            return await parse_json_in_turns(content, self.limits.cpu_work)
        except ValueError as error:
            is_json = isinstance(error, UnreadableJsonError)
            raise UpstreamError(
                f"the answer {error if is_json else 'is not JSON'}",
                status=response.status_code,
                upstream=error_text(bytes(content[:MAX_ERROR_BYTES])),
                request_id=request_id_of(response),
                advice="Ask something narrower."
                if is_json
                else "Check the base URL: a login page or a proxy may have answered.",
            ) from None

    @asynccontextmanager
    async def _exchange(
        self, request: httpx2.Request, *, repeatable: bool
    ) -> AsyncIterator[httpx2.Response]:
        """The open response to `request`, whose status is 2xx.

        Raises:
            AmberError: of the kind that the status, or the failed exchange, stands for.
        """

        async def send() -> httpx2.Response:
            began = time.monotonic()
            response = await self._client.send(request, stream=True)
            logger.debug("response", extra=_log_fields(response, time.monotonic() - began))
            try:
                if not response.is_success:
                    raise error_for_response(response, await _read_error_body(response))
                check_encoding(response)
            except BaseException:
                await response.aclose()
                raise
            return response

        opened = False
        try:
            async with self._limiter.slot():
                response = await send_with_retry(send, retries=self._retries, repeatable=repeatable)
                opened = True
                try:
                    yield response
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, ssl.SSLError) as error:  # httpx2 lets late alerts of TLS through
            failure = (read_error if opened else connection_error)(error, self._route)
            if not repeatable and not isinstance(error, _BEFORE_SENDING):
                failure.next_step = MAY_BE_TAKEN
            raise self._attributed(failure) from error
        except AmberError as error:
            if not repeatable and (error.status or 0) >= 500:
                error.next_step = MAY_BE_TAKEN
            raise self._attributed(error)  # noqa: B904  # the same error, cleaned

    def _attributed(self, error: AmberError) -> AmberError:
        """The error in words that name the service, and without its key."""
        if error.message.startswith("the API "):
            error.message = self._service.name + error.message.removeprefix("the API")
        error.next_step = error.next_step.replace(ADMINISTRATOR, self._service.contact)
        key = self._key.get_secret_value()
        error.upstream = redact(error.upstream, key, is_cut=True)
        error.message = redact(error.message, key)
        error.next_step = redact(error.next_step, key)
        error.request_id = redact(error.request_id, key)
        return error


def _log_fields(response: httpx2.Response, seconds: float) -> dict[str, object]:
    request = response.request
    return {
        "method": request.method,
        "host": request.url.netloc.decode("ascii", "replace"),
        "path": request.url.path,
        "status": response.status_code,
        "seconds": f"{seconds:.3f}",
        "request_id": request_id_of(response) or "-",
    }


async def _read_error_body(response: httpx2.Response) -> bytes:
    """As much of an error's body as comes in time: its status is an answer without it."""
    content = bytearray()
    unreadable = (AmberError, httpx2.HTTPError, ssl.SSLError)
    with anyio.move_on_after(_ERROR_BODY_SECONDS), suppress(*unreadable):
        check_encoding(response)
        await _read(response, content, MAX_ERROR_BYTES)
    return bytes(content[:MAX_ERROR_BYTES])


async def _read(response: httpx2.Response, content: bytearray, limit: int) -> None:
    """Add the body to `content`, until there are at least `limit` bytes."""
    async for chunk in body_of(response):
        content += chunk
        if len(content) >= limit:
            return


async def _in_worker_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks, each made in a worker thread: reading a file must not block the event loop."""
    while chunk := await anyio.to_thread.run_sync(next, chunks, b""):
        yield chunk
