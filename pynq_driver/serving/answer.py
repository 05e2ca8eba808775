# SPDX-License-Identifier: Apache-2.0
"""The HTTP response of a generation: streamed or whole, given up when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from fastapi import Response
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from pynq_driver.serving.inbox import Inbox
from pynq_driver.serving.reply import END_EVENT, FINISHED, Writer, event, failure
from pynq_driver.serving.scheduler import Stream, Update
from pynq_driver.serving.service import Service

#: Seconds after the time-out in which a slow reader gets the rest of its answer.
_READING_SECONDS = 5.0


class GenerationResponse(Response):
    """Sends what the streams bring; cancels them when it is over, for whatever reason."""

    def __init__(
        self,
        service: Service,
        streams: Sequence[Stream],
        inbox: Inbox,
        writer: Writer,
        *,
        streamed: bool,
        with_usage: bool,
    ) -> None:
        super().__init__()
        self._service = service
        self._streams = streams
        self._inbox = inbox
        self._writer = writer
        self._streamed = streamed
        self._with_usage = with_usage
        self._timeout = service.settings.timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: send the answer."""
        work = self._send_events(send) if self._streamed else self._send_whole(scope, receive, send)
        answer = asyncio.create_task(work)
        disconnect = asyncio.create_task(_disconnect(receive))
        try:
            await asyncio.wait(
                (answer, disconnect),
                timeout=self._timeout + _READING_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._service.scheduler.cancel(self._streams)
            self._service.office.close(self._streams)
            disconnect.cancel()
            if not answer.done():
                answer.cancel()
            await asyncio.gather(answer, disconnect, return_exceptions=True)
        if not answer.cancelled():
            answer.result()

    async def _updates(self) -> Mapping[int, Update]:
        updates = await self._inbox.take()
        for index, update in updates.items():
            self._writer.choices[index].add(update)
        return updates

    @property
    def _open(self) -> bool:
        return any(choice.end is None for choice in self._writer.choices)

    async def _send_whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        while self._open:
            for update in (await self._updates()).values():
                if update.end is not None and update.end not in FINISHED:
                    raise failure(update.end, self._timeout)
        await JSONResponse(self._writer.whole())(scope, receive, send)

    async def _send_events(self, send: Send) -> None:
        # The first tokens come before the header, so that an early failure gets its own status.
        updates = await self._updates()
        for update in updates.values():
            if update.end is not None and update.end not in FINISHED and not update.tokens:
                raise failure(update.end, self._timeout)
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._write(send, b"".join(self._writer.opening()))
        while True:
            events = [self._event(index, update) for index, update in updates.items()]
            await self._write(send, b"".join(events))
            if any(update.end not in (None, *FINISHED) for update in updates.values()):
                break
            if not self._open:
                if self._with_usage:
                    await self._write(send, self._writer.usage_chunk())
                await self._write(send, END_EVENT)
                break
            updates = await self._updates()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _event(self, index: int, update: Update) -> bytes:
        content = self._writer.chunk(index, update) or b""
        if update.end is not None and update.end not in FINISHED:
            content += event(failure(update.end, self._timeout).body())
        return content

    @staticmethod
    async def _write(send: Send, content: bytes) -> None:
        if content:
            await send({"type": "http.response.body", "body": content, "more_body": True})


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
