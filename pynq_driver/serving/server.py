# SPDX-License-Identifier: Apache-2.0
"""Running the application: socket, signals, shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from pynq_driver.ivit.model import VisionModel
from pynq_driver.language_model.model import LanguageModel
from pynq_driver.serving.application import create_application
from pynq_driver.serving.connections import limit_log, make_room, protocol_class
from pynq_driver.serving.service import ServerSettings
from tritforge.checks import check_integer
from tritforge.errors import TritforgeError

#: Seconds in which a stream that the shutdown cut can still tell its client.
_FAREWELL_SECONDS = 2
#: Interpreter time slices: the event loop must not wait 5 ms whenever a decode step ends.
_SWITCH_SECONDS = 5e-4


def bind(host: str, port: int) -> socket.socket:
    """A socket for the server, not listening yet.

    Raises:
        TritforgeError: the address cannot be used.
    """
    check_integer("port", port, 0, 65535)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise TritforgeError(
            f"cannot listen on {host} port {port}: {error.strerror or error}: "
            "choose another --host or --port"
        ) from None
    return listener


class _Server(uvicorn.Server):
    """Uvicorn with our way to end: the first signal starts the grace time, the second cuts it."""

    def __init__(
        self, config: uvicorn.Config, close: Callable[[float], None], grace: float
    ) -> None:
        super().__init__(config)
        self._close = close
        self._grace = grace

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self._end)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def _end(self) -> None:
        self._close(0 if self.should_exit else self._grace)
        self.should_exit = True


def configuration(app: FastAPI, connections: int, grace: float) -> uvicorn.Config:
    """How uvicorn runs an application.

    Args:
        connections: that may be open.
        grace: seconds that running streams get at the end.

    Raises:
        ConfigurationError: the system does not allow so many connections.
    """
    make_room(connections)
    config = uvicorn.Config(
        app,
        http=protocol_class(connections),
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(grace) + _FAREWELL_SECONDS,
    )
    limit_log()
    return config


def serve(
    model: LanguageModel | None,
    settings: ServerSettings,
    listener: socket.socket,
    *,
    grace: float,
    ready: Callable[[], None],
    vision: VisionModel | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then until running streams end or `grace` seconds are over.

    Args:
        model, vision: at least one of them.
        listener: see `bind`.
        ready: called once requests are answered.

    Raises:
        ConfigurationError: the system does not allow so many connections.
    """
    app = create_application(model, settings, vision)

    def close(seconds: float) -> None:
        for service in app.state.services.values():
            service.close(seconds)

    server = _Server(configuration(app, settings.connections, grace), close, grace)

    async def run() -> None:
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started:
            ready()
        await serving

    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        asyncio.run(run())
    finally:
        sys.setswitchinterval(before)
        listener.close()
