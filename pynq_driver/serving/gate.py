# SPDX-License-Identifier: Apache-2.0
"""What every request passes first: host name, API key, limits of the body, count of the answers."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pynq_driver.serving.errors import ApiError, bad_request
from pynq_driver.serving.hosts import HostNames

#: Open without the key: it says no more than an open port does.
HEALTH_PATH = "/health"
#: Seconds a client may take to send its request's body.
BODY_SECONDS = 30.0


class Gate:
    """ASGI middleware around the application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        api_key: str | None,
        hosts: HostNames | None,
        body_limit: int,
        count: Callable[[str, int], None],
    ) -> None:
        """
        Args:
            hosts: names in the Host header that are answered; None: all.
            body_limit: bytes of a request's body at most.
            count: hears path and status of every answer.
        """
        self._app = app
        self._key = None if api_key is None else api_key.encode()
        self._hosts = hosts
        self._body_limit = body_limit
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: check, then pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(scope["path"], message["status"])
            await send(message)

        try:
            self._check(scope)
        except ApiError as error:
            await error.response()(scope, receive, counted)
            return
        await self._app(scope, self._limited(receive), counted)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._hosts is not None and not self._hosts.accept(host):
            raise bad_request(
                f"this server does not answer to the name {host[:100]!r}: use the address it "
                "announced, or name it with --allow-host",
                code="unknown_host",
            )
        if self._key is not None and scope["path"] != HEALTH_PATH:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            # Compared first and always, so that the time says nothing.
            same = hmac.compare_digest(given.strip().encode(), self._key)
            if not same or scheme.lower() != "bearer":
                raise ApiError(
                    HTTPStatus.UNAUTHORIZED,
                    "wrong or missing API key: send 'Authorization: Bearer KEY'",
                    code="invalid_api_key",
                    headers={"WWW-Authenticate": "Bearer"},
                )
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._body_limit:
            raise self._too_large()

    def _too_large(self) -> ApiError:
        return ApiError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the request is larger than {self._body_limit} bytes",
            code="request_too_large",
        )

    def _limited(self, receive: Receive) -> Receive:
        """`receive` that raises once the body is too large or too slow; free after its end."""
        received = 0
        complete = False
        deadline = time.monotonic() + BODY_SECONDS

        async def limited() -> Message:
            nonlocal received, complete
            if complete:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(deadline - time.monotonic(), 0))
            except asyncio.TimeoutError:
                raise ApiError(
                    HTTPStatus.REQUEST_TIMEOUT, f"no complete request in {BODY_SECONDS:g} s"
                ) from None
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > self._body_limit:
                raise self._too_large()
            return message

        return limited
