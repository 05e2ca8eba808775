# SPDX-License-Identifier: Apache-2.0
"""Connections that send nothing, or halves: honest clients are answered beside them."""

from __future__ import annotations

import contextlib
import logging
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from pynq_driver import LanguageModel, load
from pynq_driver.serving import connections
from pynq_driver.serving.connections import OncePerMinute, make_room
from tests.pynq_driver.serving.running import MODEL, RunningServer, running_server, wait
from tritforge.errors import ConfigurationError

HALF_HEADER = b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-"
HALF_BODY = (
    b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 500\r\n\r\n{"
)
GARBAGE = b"\x00\xff not HTTP\r\n\r\n"
STREAM = (
    b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 74\r\n\r\n"
    b'{"prompt":"x","max_tokens":4000,"ignore_eos":true,"stream":true,"seed":10}'
)
LIMIT = 32


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return load(threads=1)


@pytest.fixture(scope="module")
def server(model: LanguageModel) -> Iterator[RunningServer]:
    with running_server(model, lanes=4, queue=8, connections=LIMIT, timeout=20) as running:
        yield running


def connect(server: RunningServer) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def is_closed(connection: socket.socket) -> bool:
    """Whether the server closes it within ten seconds; what it sends before is read."""
    connection.settimeout(10)
    with contextlib.suppress(ConnectionError):
        while connection.recv(1 << 16):
            pass
    return True


@pytest.mark.parametrize("sent", [b"", HALF_HEADER], ids=["silent", "half a header"])
def test_header_that_does_not_come_closes_the_connection(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.3)
    with connect(server) as connection:
        connection.sendall(sent)
        started = time.monotonic()
        assert is_closed(connection)
        assert 0.1 < time.monotonic() - started < 5
    # The same for a further request on a connection.
    with connect(server) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.sendall(HALF_HEADER)
        assert is_closed(connection)


def test_slow_answer_is_no_late_header(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.05)
    with running_server(model, lanes=1) as running:
        body = {"prompt": "x", "max_tokens": 300, "ignore_eos": True}
        assert running.post(body).json()["usage"]["completion_tokens"] == 300


def honest(server: RunningServer) -> None:
    with httpx.Client(base_url=server.url, timeout=20) as client:
        assert client.get("/health").status_code == 200
        answer = client.post(
            "/v1/completions", json={"model": MODEL, "prompt": "x", "max_tokens": 2}
        )
        assert answer.status_code in (200, 429)


@pytest.mark.parametrize(
    "sent", [b"", HALF_HEADER, HALF_BODY, GARBAGE], ids=["silent", "header", "body", "garbage"]
)
def test_honest_clients_are_answered_beside_many_others(server: RunningServer, sent: bytes) -> None:
    with contextlib.ExitStack() as stack:
        for index in range(3 * LIMIT):
            connection = stack.enter_context(connect(server))
            with contextlib.suppress(ConnectionError):
                connection.sendall(sent)
            if index % 24 == 0:
                honest(server)
        honest(server)
    wait(lambda: server.http.get("/health").status_code == 200)


def test_readers_that_do_not_read_give_way(model: LanguageModel) -> None:
    with (
        running_server(
            model, lanes=32, queue=64, connections=16, timeout=60, send_buffer=4096
        ) as running,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(24):
            host, port = running.url.removeprefix("http://").split(":")
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect((host, int(port)))
            with contextlib.suppress(ConnectionError):
                connection.sendall(STREAM)
        wait(lambda: _can(lambda: honest(running)), seconds=40)


def _can(work: Callable[[], None]) -> bool:
    try:
        work()
    except (httpx.HTTPError, AssertionError):
        return False
    return True


def test_floods_of_many_kinds_at_once(
    model: LanguageModel, caplog: pytest.LogCaptureFixture
) -> None:
    with running_server(model, lanes=4, connections=400) as running:
        _flood(running)
    assert len(caplog.records) < 8


def _flood(server: RunningServer) -> None:
    ended = threading.Event()

    def flood(sent: bytes) -> None:
        held: list[socket.socket] = []
        while not ended.is_set():
            with contextlib.suppress(OSError):
                held.append(connect(server))
                held[-1].sendall(sent)
            if len(held) > 150:
                held.pop(0).close()
            time.sleep(0.002)
        for connection in held:
            connection.close()

    threads = [
        threading.Thread(target=flood, args=(sent,))
        for sent in (b"", HALF_HEADER, HALF_BODY, GARBAGE)
    ]
    for thread in threads:
        thread.start()
    try:
        answered = [_can(lambda: honest(server)) for _ in range(40)]
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert all(answered)


def test_lines_of_the_log_come_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(connections.time, "monotonic", lambda: now)
    limit = OncePerMinute()

    def passes(text: str) -> bool:
        return limit.filter(logging.LogRecord("a", logging.WARNING, "", 0, text, (), None))

    assert passes("x") and not passes("x") and passes("y")
    now += 61
    assert passes("x") and not passes("x")


def test_room_for_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (256, 1024))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: given.append(limits))
    make_room(100)
    assert not given
    make_room(500)
    assert given == [(564, 1024)]
    with pytest.raises(ConfigurationError, match=r"connections = 5000 .* at most 960"):
        make_room(5000)
