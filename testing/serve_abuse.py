# SPDX-License-Identifier: Apache-2.0
"""Honest clients beside thousands of connections that do harm.

`benchmarks.serve_abuse` is the command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import httpx

from testing.serve_process import running_server

_STREAM = json.dumps({"prompt": "x", "max_tokens": 100, "ignore_eos": True, "stream": True})
_POST = "POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
#: What each kind sends; `{host}` is filled in.
KINDS = {
    "silent": "",
    "half header": "POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-",
    "half body": _POST + "Content-Length: 500\r\n\r\n[",
    "flood": "\x00\x01 no HTTP\r\n\r\n",
    "slow reader": _POST + f"Content-Length: {len(_STREAM)}\r\n\r\n",
}
#: The server may grow by that much: a connection's buffers are bounded.
MEMORY_SLACK_BYTES = 256 << 20
LOG_BYTES = 4096
#: An honest client tries again so often after a 429 or a connection that fell to the crowd.
_TRIES = 100


@dataclass
class Result:
    """What was seen.

    Attributes:
        answered, failed: honest requests.
        busy: answers with status 429 before one with 200.
        lost: connections that fell to the crowd before the answer.
        opened: connections of each kind.
    """

    answered: int = 0
    failed: int = 0
    busy: int = 0
    lost: int = 0
    seconds: list[float] = field(default_factory=list)
    health: int = 0
    opened: dict[str, int] = field(default_factory=dict)
    memory_bytes: tuple[int, int] = (0, 0)
    log_bytes: int = 0

    def complaints(self) -> list[str]:
        """What must not have happened."""
        result = []
        if self.failed or not self.answered:
            result.append(f"{self.failed} honest requests failed, {self.answered} were answered")
        if not self.health:
            result.append("/health never answered")
        if self.memory_bytes[1] - self.memory_bytes[0] > MEMORY_SLACK_BYTES:
            result.append("memory grew from {} to {} bytes".format(*self.memory_bytes))
        if self.log_bytes > LOG_BYTES:
            result.append(f"the log has {self.log_bytes} bytes")
        return result


async def _abuse(host: str, port: int, kind: str, ended: asyncio.Event, result: Result) -> None:
    """Keep one connection of a kind open, again and again."""
    content = KINDS[kind].format(host=host).encode("latin-1")
    if kind == "slow reader":
        content += _STREAM.encode()
    while not ended.is_set():
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            reader, writer = await asyncio.open_connection(host, port, limit=1 << 10)
            result.opened[kind] = result.opened.get(kind, 0) + 1
            try:
                writer.write(content)
                held = _until(ended, writer) if kind == "slow reader" else reader.read()
                await asyncio.wait_for(held, 30)
            finally:
                writer.close()
        await asyncio.sleep(0.05)


async def _until(ended: asyncio.Event, writer: asyncio.StreamWriter) -> None:
    while not ended.is_set() and not writer.is_closing():
        await asyncio.sleep(0.2)


def _honest(url: str, seconds: float) -> Result:
    """Requests one after the other, as a client that tries again when it is told to."""
    result, end = Result(), time.monotonic() + seconds
    body = {"prompt": "The little fox", "max_tokens": 4, "seed": 1}
    with httpx.Client(base_url=url, timeout=60) as client:
        while time.monotonic() < end:
            started = time.monotonic()
            for _ in range(_TRIES):
                try:
                    result.health += client.get("/health").status_code == 200
                    answer = client.post("/v1/completions", json=body)
                except httpx.TransportError:
                    result.lost += 1
                    continue
                if answer.status_code == 200:
                    result.answered += 1
                    result.seconds.append(time.monotonic() - started)
                    break
                result.busy += 1
                time.sleep(0.3)
            else:
                result.failed += 1
    return result


async def _run(url: str, connections: int, clients: int, seconds: float, result: Result) -> None:
    """Harm in this process, one process for each honest client."""
    host, port = url.removeprefix("http://").split(":")
    ended = asyncio.Event()
    kinds = list(KINDS)
    tasks = [
        asyncio.create_task(_abuse(host, int(port), kinds[index % len(kinds)], ended, result))
        for index in range(connections)
    ]
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(clients, multiprocessing.get_context("spawn")) as pool:
        work = [loop.run_in_executor(pool, _honest, url, seconds) for _ in range(clients)]
        for seen in await asyncio.gather(*work):
            result.answered += seen.answered
            result.failed += seen.failed
            result.busy += seen.busy
            result.lost += seen.lost
            result.health += seen.health
            result.seconds += seen.seconds
    ended.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _memory(url: str) -> int:
    lines = httpx.get(f"{url}/metrics", timeout=60).text.splitlines()
    found = next(line for line in lines if line.startswith("process_resident_memory_bytes"))
    return int(float(found.split()[1]))


def measure(connections: int, clients: int, seconds: float, options: Sequence[str]) -> Result:
    """Run a server and everybody who wants something of it."""
    result = Result()
    with running_server([*options, "--timeout", "20"]) as (url, process):
        httpx.post(f"{url}/v1/completions", json={"prompt": "x", "max_tokens": 2}, timeout=60)
        before = _memory(url)
        asyncio.run(_run(url, connections, clients, seconds, result))
        time.sleep(1)
        result.memory_bytes = before, _memory(url)
        process.terminate()
        process.wait(60)
        assert process.stderr is not None
        result.log_bytes = len(process.stderr.read())
    return result
