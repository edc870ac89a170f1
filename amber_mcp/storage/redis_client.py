"""The connections to Redis: how they are made, and what their failures mean."""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import anyio
from pydantic import SecretStr
from redis.asyncio import Connection, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,  # noqa: A004  # as it is called there
    NoPermissionError,
    RedisError,
)

from amber_mcp.config.storage import StorageLocation
from amber_mcp.errors import NotConfigured
from amber_mcp.text.redaction import redact

from .base import StorageUnavailable

_LIMIT_SECONDS = 5.0
_CONNECT_SECONDS = 2.0
_READ_SECONDS = 3.0
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
_MAX_CONCURRENT = 32
_MAX_REASON_CHARS = 300

_T = TypeVar("_T")


class RedisClient:
    """A pool of connections. What finds none, or loses it, is tried again for a moment, as a server
    that restarts is soon back: `work` must do no harm when it is done twice.

    Args:
        tls: trust, where the connections speak TLS.
    """

    def __init__(self, location: StorageLocation, tls: ssl.SSLContext | None) -> None:
        self._address = str(location)
        self._password = location.password or SecretStr("")
        self._limiter = anyio.CapacityLimiter(_MAX_CONCURRENT)
        self._pool = ConnectionPool(
            connection_class=_Connection,
            tls=tls,
            host=location.host,
            port=location.port,
            db=location.database,
            username=location.username or None,
            password=self._password.get_secret_value() or None,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_READ_SECONDS,
        )
        self.redis: Redis = Redis(connection_pool=self._pool)
        self._execute: Callable[..., Awaitable[Any]] = self.redis.execute_command

    def __repr__(self) -> str:
        return f"RedisClient({self._address!r})"

    async def command(self, *words: str | bytes | int) -> Any:
        """What Redis answers to a command.

        Raises:
            StorageUnavailable: if it cannot be reached, or fails.
            NotConfigured: if it refuses the user.
        """
        return await self.run(lambda: self._execute(*words))

    async def run(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """What `work` returns, which talks to Redis. Raises as `command` does."""
        try:
            with anyio.fail_after(_LIMIT_SECONDS):
                async with self._limiter:
                    return await self._with_retries(work)
        except (AuthenticationError, NoPermissionError) as error:
            raise NotConfigured(
                f"Redis at {self._address} (AMBER_STATE) refuses this user: {self._reason(error)}"
            ) from None
        except (RedisError, OSError) as error:
            raise StorageUnavailable(
                f"Redis at {self._address} (AMBER_STATE) is out of order: {self._reason(error)}"
            ) from None

    async def _with_retries(self, work: Callable[[], Awaitable[_T]]) -> _T:
        for pause in _PAUSES:
            try:
                return await work()
            except AuthenticationError:
                raise
            except ConnectionError as error:
                if "CERTIFICATE" in str(error):
                    raise
            await anyio.sleep(pause)
        return await work()

    async def aclose(self) -> None:
        """Close all connections."""
        await self.redis.aclose()
        await self._pool.disconnect()

    def _reason(self, error: Exception) -> str:
        reason = redact(str(error), self._password.get_secret_value())[:_MAX_REASON_CHARS]
        return reason or f"it did not answer within {_LIMIT_SECONDS:g} s"


class _Connection(Connection):
    """A connection that speaks TLS with a context that was made elsewhere."""

    def __init__(self, *, tls: ssl.SSLContext | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._tls = tls

    def _connection_arguments(self) -> Mapping[str, Any]:
        arguments = super()._connection_arguments()
        return {**arguments, "ssl": self._tls} if self._tls else arguments
