"""The models that an API lists: within a time limit, and cached where many ask for them."""

import math
from collections.abc import Awaitable, Callable

import anyio

from amber_mcp.errors import AmberError, NotConfigured, UpstreamTimeout

from .completions import CompletionsApi
from .types import Model

_MAX_AGE_SECONDS = 30.0
_MAX_FIRST_SECONDS = 3600.0
_NO_SUCH_ROUTE = (404, 405, 501)


async def list_models(api: CompletionsApi, *, within: float) -> tuple[Model, ...]:
    """The models of one API as they are now.

    Args:
        within: the seconds that it may take.

    Raises:
        UpstreamTimeout: if it takes longer.
        AmberError: of any other kind that asking leads to.
    """
    try:
        with anyio.fail_after(within):
            return await api.models()
    except TimeoutError:
        raise UpstreamTimeout(
            f"{api.name} did not list its models within {round(within, 1):g} s",
            advice="Try again later, or raise AMBER_CALL_TIMEOUT.",
        ) from None


class ModelCache:
    """A list of models. One request serves all who wait for it, and so does its error."""

    def __init__(self, fetch: Callable[[], Awaitable[tuple[Model, ...]]]) -> None:
        self._fetch = fetch
        self._lock = anyio.Lock()
        self._models: tuple[Model, ...] = ()
        self._expires_at = -math.inf
        self._failures = 0
        self._error: AmberError | None = None
        self._first = ""
        self._first_expires_at = -math.inf

    async def models(self) -> tuple[Model, ...]:
        """The models as they were at most half a minute ago.

        Raises:
            AmberError: of the kind that asking leads to.
        """
        failures_before = self._failures
        async with self._lock:
            if self._error and self._failures != failures_before:
                raise self._error  # of the request that was waited for
            if anyio.current_time() >= self._expires_at:
                try:
                    self._models = await self._fetch()
                except AmberError as error:
                    self._failures += 1
                    self._error = error
                    raise
                self._expires_at = anyio.current_time() + _MAX_AGE_SECONDS
        return self._models

    async def first(self) -> str:
        """The id of the first model; the same for an hour, and for as long as there is no list.

        Raises:
            NotConfigured: if there are no models, or they are not listed at all.
            AmberError: of any other kind that asking leads to.
        """
        if anyio.current_time() >= self._first_expires_at:
            try:
                models = await self.models()
            except AmberError as error:
                if self._first:
                    return self._first  # Better an old one than none.
                if error.status not in _NO_SUCH_ROUTE:
                    raise
                raise NotConfigured(
                    f"amber does not list its models (HTTP {error.status}), and AMBER_MODEL is "
                    "not set",
                    advice="Set AMBER_MODEL to a model's id, as your amber administrator has it.",
                ) from None
            if not models:
                raise NotConfigured("the tenant lists no models, and AMBER_MODEL is not set")
            self._first = models[0].id
            self._first_expires_at = anyio.current_time() + _MAX_FIRST_SECONDS
        return self._first
