"""Planted keys: wherever a test sees output of the programs, none of them may stand in it."""

import re
from typing import Any

from anyio import EndOfStream
from anyio.abc import ByteReceiveStream, Process

KEY = "planted0key.Zq7-xw2_9041"
"""The key that tests give to the programs: nothing but knowing it can hide it."""
SANDBOX_KEY = "planted0sandbox.Rk4-tm8_5520"
PROXY_PASSWORD = "planted0pass.Vb3_8817"

_PLANTED = re.compile(rb"planted0\w+\.|(?:ambrs|sk|adaptive)-sandbox-[\w-]{20}")
_LONGEST = 64


class Watch:
    """Looks at one output, piece by piece."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._end = b""

    def __call__(self, piece: bytes | str) -> None:
        """Look at the next piece.

        Raises:
            AssertionError: if a planted key stands in it.
        """
        seen = self._end + (piece.encode(errors="replace") if isinstance(piece, str) else piece)
        if found := _PLANTED.search(seen):
            around = seen[max(0, found.start() - 100) : found.end() + 20]
            raise AssertionError(f"a key stands in {self._name}: {around!r}")
        self._end = seen[-_LONGEST:]


class WatchedStream(ByteReceiveStream):
    """What a program writes, looked at as it is read."""

    def __init__(self, stream: ByteReceiveStream, name: str, shows_keys: bool = False) -> None:
        self._stream = stream
        self._watch = None if shows_keys else Watch(name)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        piece = await self._stream.receive(max_bytes)
        if self._watch:
            self._watch(piece)
        return piece

    async def rest(self) -> bytes:
        """All that is still to come."""
        content = b""
        try:
            while True:
                content += await self.receive()
        except EndOfStream:
            return content

    async def aclose(self) -> None:
        await self._stream.aclose()


class WatchedProcess:
    """A process whose outputs are looked at."""

    def __init__(self, process: Process, *, shows_keys: bool) -> None:
        self._process = process
        self.stdout = process.stdout and WatchedStream(process.stdout, "stdout", shows_keys)
        self.stderr = process.stderr and WatchedStream(process.stderr, "stderr")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._process, name)
