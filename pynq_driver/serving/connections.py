# SPDX-License-Identifier: Apache-2.0
"""Limits of connections: their number, the time until a request is there, lines in the log.

A server that anybody may connect to must answer honest clients while others hold connections open
and send nothing, or halves of requests.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from tritforge.errors import ConfigurationError

try:
    import resource
except ImportError:  # no POSIX system: it has no such limit
    resource = None  # type: ignore[assignment]

#: Seconds from a connection, or from the first byte of a further request, to the end of its header.
HEADER_SECONDS = 10.0
#: Files that a process needs beside its connections: model, libraries, pipes.
_OTHER_FILES = 64
#: Seconds in which a line is logged once.
_LOG_SECONDS = 60.0

_log = logging.getLogger("pynq_driver.serving")


def make_room(connections: int) -> None:
    """Raise the process's limit of open files if so many connections need it.

    Raises:
        ConfigurationError: the system does not allow so many.
    """
    if resource is None:
        return
    wanted = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise ConfigurationError(
                f"connections = {connections} is out of range: the limit of open files (ulimit "
                f"-n) is {hard}, so give at most {hard - _OTHER_FILES}"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Connections:
    """The open connections of a server, oldest first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[LimitedProtocol, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: LimitedProtocol) -> None:
        """A new one; if there are too many, one that nobody works for has to go."""
        if len(self._open) < self._limit:
            self._open[connection] = None
            return
        _log.warning("more than %d connections: closing some that send nothing", self._limit)
        waiting = [item for item in self._open if item.waits_for_client]
        victim = (
            next((item for item in waiting if not item.was_answered), None)
            or next(iter(waiting), None)
            or next((item for item in self._open if item.is_stuck), None)
            or connection
        )
        self._open[connection] = None
        self.remove(victim)
        victim.transport.abort()

    def remove(self, connection: LimitedProtocol) -> None:
        """It is closed."""
        self._open.pop(connection, None)


class LimitedProtocol(H11Protocol):
    """HTTP/1.1 with a time limit for headers, counted in a book of connections.

    Attributes:
        was_answered: whether a request of this connection has been answered: it may be an honest
            client's, kept for the next one.
    """

    book: Connections

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self.was_answered = False

    @property
    def waits_for_client(self) -> bool:
        """Whether no request is complete."""
        return self._is_between_requests or self.cycle.more_body

    @property
    def is_stuck(self) -> bool:
        """Whether the client does not read its answer."""
        return bool(self.flow.write_paused)

    @property
    def _is_between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._watch()
        self.book.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        super().connection_lost(exc)
        self._unwatch()
        self.book.remove(self)

    def on_response_complete(self) -> None:
        """See uvicorn."""
        self.was_answered = True
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        super().data_received(data)
        if not self._is_between_requests:
            self._unwatch()
        elif self._deadline is None:
            self._watch()

    def _watch(self) -> None:
        self._deadline = self.loop.call_later(HEADER_SECONDS, self._close_if_late)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close_if_late(self) -> None:
        self._deadline = None
        if self._is_between_requests:
            self.transport.abort()


def protocol_class(limit: int) -> type[LimitedProtocol]:
    """The protocol of one server, with a book of its own."""
    return type("ServerProtocol", (LimitedProtocol,), {"book": Connections(limit)})


class OncePerMinute(logging.Filter):
    """Lets each line through once a minute: a flood of clients must not fill the disk."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        text, now = str(record.msg)[:200], time.monotonic()
        if now - self._last.get(text, -_LOG_SECONDS) < _LOG_SECONDS:
            return False
        if len(self._last) > 1000:
            self._last.clear()
        self._last[text] = now
        return True


def limit_log() -> None:
    """Limit the lines of everything that speaks of connections."""
    for name in ("asyncio", "uvicorn.error", _log.name):
        logger = logging.getLogger(name)
        if not any(isinstance(item, OncePerMinute) for item in logger.filters):
            logger.addFilter(OncePerMinute())
