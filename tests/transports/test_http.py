"""Streamable HTTP: what only the sockets show. How it serves stands in `tests/e2e/test_http.py`."""

import socket

from amber_mcp.transports.http import _listening


def test_answers_do_not_wait_to_be_sent_together() -> None:
    """With Nagle's algorithm, each answer on a kept connection would wait 40 ms."""
    with _listening("127.0.0.1", 0) as listener:
        with socket.create_connection(listener.getsockname()):
            connection, _ = listener.accept()
            with connection:
                assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
