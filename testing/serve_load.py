# SPDX-License-Identifier: Apache-2.0
"""Load on `tritforge serve` through the official openai client, on loopback.

`benchmarks.serve_load` is the command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import random
import signal
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import openai
from tqdm import tqdm

from pynq_driver.language_model.model import load_language_model
from testing.serve_process import running_server

PROMPTS = (
    "Once upon a time",
    "The little fox",
    "Tom and his dog went to the park. It was a sunny day and",
    "Lily had a red ball. " * 8,
    "One day, a big bear",
    "It was a cold night. " * 20,
)
#: Different work for the clients: every prompt with some seeds and limits.
JOBS = 48
MODEL_TOKENS = (30, 60, 120, 200)
#: Share of the run in which one client is alone, for comparison.
ALONE_SHARE = 0.1
#: Memory may grow by that much: allocator and caches, not a leak of 200 streams.
MEMORY_SLACK_BYTES = 8 << 20


@dataclasses.dataclass(frozen=True)
class LoadOptions:
    """What is measured.

    Attributes:
        model: image; None: the embedded one.
        threads: threads of the engine; None: all processors.
        seconds: length of the part in which all clients ask.
        clients: clients that ask at the same time.
        lanes: streams that the server decodes together.
        queue: requests that wait for a lane before others are refused.
        leave: clients that leave in the midst of a stream.
    """

    model: Path | None = None
    threads: int | None = None
    seconds: float = 300.0
    clients: int = 16
    lanes: int = 16
    queue: int = 64
    leave: int = 200


@dataclasses.dataclass(frozen=True)
class Job:
    """A request and the tokens it must give."""

    prompt: str
    seed: int
    max_tokens: int
    tokens: tuple[int, ...]


@dataclasses.dataclass
class Tally:
    """What clients saw.

    Attributes:
        first_token_seconds: from sending a request to its first token.
        refused: answers with status 429.
        errors: everything else that went wrong, as text.
    """

    requests: int = 0
    tokens: int = 0
    refused: int = 0
    different: int = 0
    errors: list[str] = dataclasses.field(default_factory=list)
    first_token_seconds: list[float] = dataclasses.field(default_factory=list)

    def percentile(self, percent: int) -> float:
        """Percentile of the time to the first token, in seconds."""
        if len(self.first_token_seconds) < 2:
            return self.first_token_seconds[0] if self.first_token_seconds else 0.0
        return statistics.quantiles(self.first_token_seconds, n=100)[percent - 1]


@dataclasses.dataclass(frozen=True)
class Residue:
    """What a server holds while nobody asks anything."""

    busy_lanes: int
    waiting: int
    tasks: int
    file_descriptors: int
    memory_bytes: int


@dataclasses.dataclass(frozen=True)
class Result:
    """Outcome of a measurement."""

    model: str
    clients: int
    lanes: int
    threads: int | None
    seconds: float
    alone: Tally
    alone_tokens_per_second: float
    together: Tally
    tokens_per_second: float
    left: int
    before: Residue
    after: Residue
    exit_status: int

    def complaints(self) -> list[str]:
        """Everything that happened and must not, one text each."""
        result = []
        for tally in (self.alone, self.together):
            result += [f"error: {text}" for text in tally.errors[:10]]
            if tally.different:
                result.append(f"{tally.different} answers differ from the single stream's tokens")
        for field in ("busy_lanes", "waiting", "tasks", "file_descriptors"):
            before, after = getattr(self.before, field), getattr(self.after, field)
            if after > before:
                result.append(f"{field} grew from {before} to {after}")
        grown = self.after.memory_bytes - self.before.memory_bytes
        if grown > MEMORY_SLACK_BYTES:
            result.append(f"memory grew by {grown / 1e6:.1f} MB")
        if self.exit_status:
            result.append(f"the server ended with status {self.exit_status}")
        return result


def make_jobs(model: Path | None, threads: int | None) -> tuple[str, list[Job]]:
    """Name of the model, and jobs with the tokens of one stream alone."""
    language_model = load_language_model(model, threads=threads)
    jobs = []
    for index in tqdm(range(JOBS), desc="single-stream reference", disable=None):
        prompt = PROMPTS[index % len(PROMPTS)]
        limit = MODEL_TOKENS[index // len(PROMPTS) % len(MODEL_TOKENS)]
        generation = language_model.generate(prompt, seed=index, max_tokens=limit)
        for _ in generation:
            pass
        jobs.append(Job(prompt, index, limit, tuple(generation.tokens)))
    return language_model.image.header.name, jobs


async def run_job(client: openai.AsyncOpenAI, model: str, job: Job, tally: Tally) -> None:
    """Send one streamed request; its outcome goes into the tally."""
    started = time.perf_counter()
    tokens: list[int] = []
    try:
        stream = await client.completions.create(
            model=model,
            prompt=job.prompt,
            seed=job.seed,
            max_tokens=job.max_tokens,
            stream=True,
            extra_body={"return_token_ids": True},
        )
        async for chunk in stream:
            if not tokens:
                tally.first_token_seconds.append(time.perf_counter() - started)
            for choice in chunk.choices:
                tokens += (choice.model_extra or {})["token_ids"]
    except openai.RateLimitError as refused:
        tally.refused += 1
        await asyncio.sleep(float(refused.response.headers["retry-after"]))
        return
    except (openai.OpenAIError, httpx.HTTPError) as error:
        tally.errors.append(f"{type(error).__name__}: {error}")
        return
    tally.requests += 1
    tally.tokens += len(tokens)
    tally.different += tuple(tokens) != job.tokens


async def run_clients(
    url: str, model: str, jobs: Sequence[Job], clients: int, seconds: float
) -> tuple[Tally, float]:
    """Clients that ask one thing after the other; what they saw, and tokens/s of all together."""
    tally = Tally()

    async def work(client: openai.AsyncOpenAI, number: int) -> None:
        for job in itertools.cycle(random.Random(number).sample(jobs, len(jobs))):
            await run_job(client, model, job, tally)
            if time.perf_counter() - started >= seconds:
                return

    async with open_client(url) as client:
        await run_job(client, model, jobs[0], Tally())  # the client's own first call is slow
        started = time.perf_counter()
        with tqdm(desc=f"{clients} clients", unit="token", disable=None) as bar:
            tasks = [asyncio.create_task(work(client, number)) for number in range(clients)]
            while (await asyncio.wait(tasks, timeout=0.5))[1]:
                bar.update(tally.tokens - bar.n)
        for task in tasks:
            task.result()
    return tally, tally.tokens / (time.perf_counter() - started)


@contextlib.asynccontextmanager
async def open_client(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    """Client that does not retry, so that every refusal is seen."""
    async with openai.AsyncOpenAI(
        base_url=url + "/v1", api_key="unused", max_retries=0, timeout=120.0
    ) as client:
        yield client


async def leave_midway(url: str, model: str, clients: int) -> None:
    """Clients that start a long stream each, read a few chunks and close the connection."""
    chance = random.Random(0)

    async def leave(reads: int) -> None:
        async with open_client(url) as client:
            with contextlib.suppress(openai.RateLimitError):
                stream = await client.completions.create(
                    model=model,
                    prompt=PROMPTS[reads % len(PROMPTS)],
                    max_tokens=4000,
                    stream=True,
                    extra_body={"ignore_eos": True},
                )
                async for _ in stream:
                    reads -= 1
                    if reads <= 0:
                        break
                await stream.close()

    counts = [chance.randrange(0, 12) for _ in range(clients)]
    for start in range(0, clients, 50):
        await asyncio.gather(*(leave(count) for count in counts[start : start + 50]))


async def residue(url: str) -> Residue:
    """What the server holds once it has come to rest."""
    deadline = time.perf_counter() + 10
    while True:
        async with httpx.AsyncClient() as client:
            text = (await client.get(url + "/metrics")).text
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        found = Residue(
            busy_lanes=int(float(values["tritforge_busy_lanes"])),
            waiting=int(float(values["tritforge_queue_length"])),
            tasks=int(float(values["tritforge_tasks"])),
            file_descriptors=int(float(values["process_open_fds"])),
            memory_bytes=int(float(values["process_resident_memory_bytes"])),
        )
        at_rest = found.busy_lanes == 0 and found.waiting == 0
        if at_rest or time.perf_counter() > deadline:
            return found
        await asyncio.sleep(0.05)


def measure(options: LoadOptions) -> Result:
    """Serve the model, load the server, and look at what is left.

    Raises:
        ServerStartError: the server ended before it was ready.
    """
    name, jobs = make_jobs(options.model, options.threads)
    server_options = ["--lanes", str(options.lanes), "--queue", str(options.queue)]
    for key in ("model", "threads"):
        value = getattr(options, key)
        server_options += [f"--{key}", str(value)] if value is not None else []
    with running_server(server_options) as (url, process):

        async def run() -> tuple[Any, ...]:
            alone, alone_rate = await run_clients(url, name, jobs, 1, options.seconds * ALONE_SHARE)
            together, rate = await run_clients(url, name, jobs, options.clients, options.seconds)
            # Once before the baseline: the first wave makes the allocator and caches grow.
            await leave_midway(url, name, options.leave)
            before = await residue(url)
            await leave_midway(url, name, options.leave)
            after = await residue(url)
            return alone, alone_rate, together, rate, before, after

        alone, alone_rate, together, rate, before, after = asyncio.run(run())
        process.send_signal(signal.SIGTERM)
        exit_status = process.wait(timeout=30)
    return Result(
        model=name,
        clients=options.clients,
        lanes=options.lanes,
        threads=options.threads,
        seconds=options.seconds,
        alone=alone,
        alone_tokens_per_second=alone_rate,
        together=together,
        tokens_per_second=rate,
        left=options.leave,
        before=before,
        after=after,
        exit_status=exit_status,
    )


def report(result: Result) -> str:
    """The outcome as a table, with what must not have happened below it."""
    lines = [
        f"{result.model}: {result.clients} clients on {result.lanes} lanes, "
        f"{result.seconds:g} s, every answer compared with the single stream",
        "clients  requests   tokens  tokens/s  first token p50 / p99   429  errors  different",
    ]
    for clients, tally, rate in (
        (1, result.alone, result.alone_tokens_per_second),
        (result.clients, result.together, result.tokens_per_second),
    ):
        lines.append(
            f"{clients:>7}  {tally.requests:>8}  {tally.tokens:>7}  {rate:>8.1f}  "
            f"{1e3 * tally.percentile(50):>8.1f} / {1e3 * tally.percentile(99):.1f} ms"
            f"  {tally.refused:>9}  {len(tally.errors):>6}  {tally.different:>9}"
        )
    ratio = result.tokens_per_second / max(result.alone_tokens_per_second, 1e-9)
    lines.append(f"together {ratio:.2f} times the tokens/s of one client")
    before, after = result.before, result.after
    lines.append(
        f"{result.left} clients left midway: lanes {before.busy_lanes} -> {after.busy_lanes}, "
        f"tasks {before.tasks} -> {after.tasks}, file descriptors {before.file_descriptors} -> "
        f"{after.file_descriptors}, memory {before.memory_bytes / 1e6:.1f} -> "
        f"{after.memory_bytes / 1e6:.1f} MB"
    )
    return "\n".join(lines + [f"FAILED: {text}" for text in result.complaints()])
