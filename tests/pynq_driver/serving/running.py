# SPDX-License-Identifier: Apache-2.0
"""A server in a thread of the test, on a free loopback port."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
import openai
import uvicorn

from pynq_driver import LanguageModel
from pynq_driver.ivit.model import VisionModel
from pynq_driver.serving.application import create_application
from pynq_driver.serving.server import bind, configuration
from pynq_driver.serving.service import ServerSettings, Service

MODEL = "stories-17m"


@dataclass
class RunningServer:
    """Address, service, and clients that a test may use."""

    url: str
    service: Service
    client: openai.OpenAI
    http: httpx.Client

    def post(self, body: Any, path: str = "/v1/completions") -> httpx.Response:
        return self.http.post(path, json=body)

    def error(self, body: Any, path: str = "/v1/completions") -> tuple[int, dict[str, Any]]:
        response = self.post(body, path)
        assert response.status_code != HTTPStatus.OK
        return response.status_code, response.json()["error"]

    def wait_idle(self) -> None:
        wait(lambda: self.service.scheduler.busy_lanes == 0)
        assert self.service.scheduler.queue_length == 0


def wait(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Poll until `condition`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


@contextlib.contextmanager
def running_server(
    model: LanguageModel | None,
    send_buffer: int = 0,
    vision: VisionModel | None = None,
    **settings: Any,
) -> Iterator[RunningServer]:
    """Serve `model` while the context is open; `send_buffer` bytes per connection, if given."""
    options = ServerSettings(**settings)
    app = create_application(model, options, vision)
    listener = bind("127.0.0.1", 0)
    if send_buffer:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(configuration(app, options.connections, 3))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        wait(lambda: server.started)
        key = options.api_key or "unused"
        with (
            openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0) as client,
            httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as http,
        ):
            yield RunningServer(url, getattr(app.state, "service", None), client, http)
    finally:
        for service in app.state.services.values():
            service.close(grace=0)
        server.should_exit = True
        thread.join(20)
        listener.close()
        assert not thread.is_alive()
