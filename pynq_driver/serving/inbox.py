# SPDX-License-Identifier: Apache-2.0
"""From the scheduler's thread into the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pynq_driver.serving.scheduler import Stream, Update


class Inbox:
    """Updates of the streams of one request. What piles up for a stream becomes one update."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._index = {stream: index for index, stream in enumerate(streams)}
        self._updates: dict[int, Update] = {}
        self._arrived = asyncio.Event()

    def put(self, stream: Stream, update: Update) -> None:
        """Add an update."""
        index = self._index[stream]
        pending = self._updates.get(index)
        if pending is None:
            self._updates[index] = update
        else:
            pending.add(update)
        self._arrived.set()

    async def take(self) -> dict[int, Update]:
        """What has come since the last call, by index of the stream; waits for something."""
        await self._arrived.wait()
        self._arrived.clear()
        updates, self._updates = self._updates, {}
        return updates


class PostOffice:
    """Brings the rounds of a scheduler to the inboxes."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._inboxes: dict[Stream, Inbox] = {}

    @property
    def open_streams(self) -> int:
        """Streams somebody waits for."""
        return len(self._inboxes)

    def open(self, streams: Sequence[Stream]) -> Inbox:
        """Inbox for new streams; call it in the same step of the loop that submits them."""
        inbox = Inbox(streams)
        for stream in streams:
            self._inboxes[stream] = inbox
        return inbox

    def close(self, streams: Sequence[Stream]) -> None:
        """Forget streams: what still comes for them is dropped."""
        for stream in streams:
            self._inboxes.pop(stream, None)

    def deliver(self, updates: Sequence[tuple[Stream, Update]]) -> None:
        """For the scheduler's thread."""
        try:
            self._loop.call_soon_threadsafe(self._sort, updates)
        except RuntimeError:  # the loop has ended: nobody waits for these
            return

    def _sort(self, updates: Sequence[tuple[Stream, Update]]) -> None:
        for stream, update in updates:
            inbox = self._inboxes.get(stream)
            if inbox is not None:
                inbox.put(stream, update)
