# SPDX-License-Identifier: Apache-2.0
"""Boards as threads of one process, which send over queues."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from pynq_driver.language_model.backends.base import Backend
from pynq_driver.language_model.pipeline.messages import Channel
from pynq_driver.language_model.pipeline.opening import open_pipeline
from pynq_driver.language_model.pipeline.stage import Stage, open_stage
from tritforge.language_model.image import Image
from tritforge.language_model.parts import ModelPart


class BoardGoneError(Exception):
    """The run was ended."""


class ThreadRanks:
    """One board; `is_dead` is a board without power."""

    def __init__(self, rank: int, queues: list[queue.SimpleQueue[Any]]) -> None:
        self.rank = rank
        self.names = tuple(f"pynq-{number}" for number in range(len(queues)))
        self.is_dead = False
        self.is_aborted = False
        self._queues = queues

    def send(self, rank: int, channel: Channel, message: Any) -> None:
        self._queues[rank].put(message)

    def poll(self) -> Any | None:
        if self.is_aborted:
            raise BoardGoneError
        if self.is_dead:
            return None
        with contextlib.suppress(queue.Empty):
            return self._queues[self.rank].get_nowait()
        return None

    def settle(self, seconds: float) -> None:
        pass

    def abort(self) -> None:
        self.is_aborted = True


class Boards:
    """A run on so many boards.

    Attributes:
        ranks: the boards.
        backend: of the first one.
    """

    def __init__(self, ranks: list[ThreadRanks], backend: Backend) -> None:
        self.ranks = ranks
        self.backend: Any = backend


@contextlib.contextmanager
def running_boards(
    image: Image,
    count: int,
    open_part: Callable[[Image, ModelPart, int | None], Stage] = open_stage,
    images: dict[int, Image] | None = None,
    dead: tuple[int, ...] = (),
) -> Iterator[Boards]:
    """Boards with an image; `images` are those of boards that have another one."""
    queues: list[queue.SimpleQueue[Any]] = [queue.SimpleQueue() for _ in range(count)]
    ranks = [ThreadRanks(rank, queues) for rank in range(count)]
    for rank in dead:
        ranks[rank].is_dead = True

    def follow(rank: int) -> None:
        own = (images or {}).get(rank, image)
        with contextlib.suppress(SystemExit, BoardGoneError, Exception):
            open_pipeline(own, 1, ranks[rank], open_part)

    threads = [threading.Thread(target=follow, args=(rank,)) for rank in range(1, count)]
    for rank, thread in enumerate(threads, 1):
        if rank not in dead:
            thread.start()
    is_over = False
    try:
        backend = open_pipeline(image, 1, ranks[0], open_part)
        yield Boards(ranks, backend)
        backend.pipeline.close()  # type: ignore[attr-defined]
        is_over = not ranks[0].is_aborted
    finally:
        if not is_over:  # MPI ends all processes
            for item in ranks:
                item.abort()
        for rank, thread in enumerate(threads, 1):
            if rank not in dead:
                thread.join(60)
                assert not thread.is_alive()
