"""A server in memory and a host before it, in both protocol eras, whose user can be asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp import Client

from amber_mcp.config.settings import Settings
from amber_mcp.server import build_server
from tests.test_server import ERAS
from tests.tools.users import Connect


@pytest.fixture(params=ERAS)
def connect(request: pytest.FixtureRequest) -> Connect:
    @asynccontextmanager
    async def connected(settings: Settings, user: Any) -> AsyncIterator[Client]:
        server = build_server(settings, local_files=False)
        with anyio.fail_after(20):
            async with Client(server, mode=request.param, elicitation_callback=user) as client:
                yield client

    return connected
