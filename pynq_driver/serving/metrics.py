# SPDX-License-Identifier: Apache-2.0
"""Prometheus metrics of a server, in a registry of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from pynq_driver.serving.scheduler import End, Scheduler, Stream

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_STREAMS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)


class Metrics:
    """Counters and histograms; the observer of a scheduler."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "tritforge_requests",
            "HTTP requests by path and status.",
            ("path", "status"),
            registry=self.registry,
        )
        self._prompt_tokens = Counter(
            "tritforge_prompt_tokens", "Prompt tokens read.", registry=self.registry
        )
        self._generated_tokens = Counter(
            "tritforge_generated_tokens", "Tokens generated.", registry=self.registry
        )
        self._streams = Counter(
            "tritforge_streams", "Ended streams by reason.", ("end",), registry=self.registry
        )
        for end in End:
            self._streams.labels(end.value)
        self._first_token = Histogram(
            "tritforge_time_to_first_token_seconds",
            "From the request to the first token, queue included.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._round_seconds = Histogram(
            "tritforge_round_seconds",
            "One round: a token of each decoding stream, a chunk of the other prompts.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._round_streams = Histogram(
            "tritforge_round_streams",
            "Streams in a round.",
            buckets=_STREAMS,
            registry=self.registry,
        )

    def watch_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Add the gauge of the event loop that answers."""
        self._gauge(
            "tritforge_tasks", "Tasks of the event loop.", lambda: len(asyncio.all_tasks(loop))
        )

    def watch_pictures(self, count: Callable[[], int]) -> None:
        """Add the gauge and the histogram of a vision model."""
        self._gauge("tritforge_pictures", "Pictures that wait or are classified.", count)
        self._picture_seconds = Histogram(
            "tritforge_picture_seconds",
            "Reading and classifying one picture.",
            buckets=_SECONDS,
            registry=self.registry,
        )

    def picture(self, seconds: float) -> None:
        """A picture was classified in so long."""
        self._picture_seconds.observe(seconds)

    def _gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        Gauge(name, text, registry=self.registry).set_function(read)

    def watch(self, scheduler: Scheduler) -> None:
        """Add the gauges of a scheduler."""
        for name, text, read in (
            ("tritforge_lanes", "Lanes.", lambda: scheduler.lanes),
            ("tritforge_busy_lanes", "Lanes in use.", lambda: scheduler.busy_lanes),
            ("tritforge_queue_length", "Waiting streams.", lambda: scheduler.queue_length),
            ("tritforge_queue_limit", "Room in the queue.", lambda: scheduler.queue_limit),
        ):
            self._gauge(name, text, read)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def first_token(self, seconds: float) -> None:
        """See Observer."""
        self._first_token.observe(seconds)

    def round(self, streams: int, seconds: float) -> None:
        """See Observer."""
        self._round_streams.observe(streams)
        self._round_seconds.observe(seconds)

    def token(self) -> None:
        """See Observer."""
        self._generated_tokens.inc()

    def ended(self, stream: Stream, end: End) -> None:
        """See Observer."""
        self._prompt_tokens.inc(stream.read)
        self._streams.labels(end.value).inc()
