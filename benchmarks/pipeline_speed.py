# SPDX-License-Identifier: Apache-2.0
"""Tokens per second of a model on several processes of this computer, as `mpirun` starts them.

    python -m benchmarks.pipeline_speed [--shape 370m] [--ranks 1 2] [--streams 1 2 4] [--tokens 32]
                                        [--board pynq-z2]

Every process has one thread and stands for a board; with one rank it is the C++ engine alone. Each
stream is a thread of the first process that decodes greedily from an own prompt. The tokens of all
streams are compared with those of one rank. Needs the extra `mpi`.

With --board, a process takes at least as long for a token as the memory of that board needs for the
weights of its part (bytes over bandwidth and efficiency of the board's file), and sleeps meanwhile:
the device is modelled, the pipeline around it is measured.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.random_image import write_random_image
from pynq_driver.language_model.backends.cpu import CpuBackend
from pynq_driver.language_model.pipeline.cpu_part import CpuPart
from pynq_driver.language_model.pipeline.opening import open_pipeline
from pynq_driver.language_model.pipeline.ranks import MpiRanks
from pynq_driver.language_model.pipeline.stage import Stage
from pynq_driver.language_model.sampler import Sampler
from testing.mpi import run_ranks
from tritforge.boards import board_names, load_board
from tritforge.language_model.config import RELEASED_SHAPES
from tritforge.language_model.image import Image, open_image
from tritforge.language_model.image_header import Sampling
from tritforge.language_model.parts import ModelPart, split_model, whole_model

_TIMEOUT = 3600


class Pace:
    """The time that a board's memory needs for weights."""

    def __init__(self, image: Image, part: ModelPart, board: str | None) -> None:
        first, end = part.weight_range(image.header)
        memory = None if board is None else load_board(board).memory
        rate = memory.peak_bytes_per_second * memory.sequential_efficiency if memory else math.inf
        self.seconds = (end - first) / rate

    @contextmanager
    def passes(self, count: int) -> Iterator[None]:
        """A block that takes at least as long as so many passes over the weights."""
        end = time.perf_counter() + count * self.seconds
        yield
        time.sleep(max(0.0, end - time.perf_counter()))


class PacedPart(CpuPart):
    """A part that takes its board's time; streams do not share a pass."""

    def __init__(self, image: Image, part: ModelPart, threads: int | None, board: str) -> None:
        super().__init__(image, part, threads)
        self._pace = Pace(image, part, board)

    def run(self, streams: Sequence[int], inputs: Sequence[Any]) -> list[Any]:
        """As `CpuPart.run`."""
        with self._pace.passes(sum(map(len, inputs))):
            return super().run(streams, inputs)

    def finish(self, streams: Sequence[int], inputs: Sequence[Any]) -> None:
        """As `CpuPart.finish`."""
        with self._pace.passes(sum(map(len, inputs))):
            super().finish(streams, inputs)


class OneBoard:
    """Streams that take turns on one board."""

    def __init__(self, image: Image, board: str | None) -> None:
        self._backend = CpuBackend(image, 1)
        self._pace = Pace(image, whole_model(image.header), board)
        self._lock = threading.Lock()

    def chooser(self, sampler: Sampler) -> Callable[[Sequence[int]], int]:
        """As `Context.chooser`, of a new context."""
        choose = self._backend.context().chooser(sampler)

        def paced(tokens: Sequence[int]) -> int:
            with self._lock, self._pace.passes(len(tokens)):
                return choose(tokens)

        return paced


def decode(
    new_chooser: Callable[[Sampler], Callable[[Sequence[int]], int]], streams: int, tokens: int
) -> tuple[float, list[list[int]]]:
    """Tokens per second of all streams together, and their tokens."""
    found: list[list[int]] = [[] for _ in range(streams)]
    choosers = [new_chooser(Sampler(Sampling(temperature=0))) for _ in range(streams)]
    for index, choose in enumerate(choosers):
        found[index].append(choose([1, index + 3]))

    def run(index: int) -> None:
        for _ in range(tokens):
            found[index].append(choosers[index](found[index][-1:]))

    threads = [threading.Thread(target=run, args=(index,)) for index in range(streams)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return streams * tokens / (time.perf_counter() - started), found


def measure_here(path: Path, streams: Sequence[int], tokens: int, board: str | None) -> None:
    """What every process does; the first one prints its measurements as JSON."""
    image = open_image(path)
    ranks = MpiRanks()
    if len(ranks.names) == 1:
        new_chooser = OneBoard(image, board).chooser
    else:
        backend: Any = open_pipeline(image, 1, ranks, functools.partial(open_paced, board=board))

        def new_chooser(sampler: Sampler) -> Callable[[Sequence[int]], int]:
            chooser: Callable[[Sequence[int]], int] = backend.context().chooser(sampler)
            return chooser

    decode(new_chooser, 1, 2)
    results = {}
    for count in streams:
        speed, found = decode(new_chooser, count, tokens)
        results[count] = {"tokens_per_second": speed, "tokens": found}
    print(json.dumps(results))


def open_paced(image: Image, part: ModelPart, threads: int | None, board: str | None) -> Stage:
    """A part of a pipeline, as fast as it is or as a board would be."""
    if board is None:
        return CpuPart(image, part, threads)
    return PacedPart(image, part, threads, board)


def measure(
    path: Path, ranks: int, streams: Sequence[int], tokens: int, board: str | None
) -> dict[str, Any]:
    """Measurements of so many processes, by number of streams."""
    command = [sys.executable, "-m", "benchmarks.pipeline_speed", "--image", str(path), "--worker"]
    command += ["--tokens", str(tokens), "--streams", *map(str, streams)]
    command += ["--board", board] if board else []
    result: subprocess.CompletedProcess[str] = run_ranks(ranks, command, _TIMEOUT)
    if result.returncode:
        raise SystemExit(result.stderr)
    measured: dict[str, Any] = json.loads(result.stdout)
    return measured


def shares(image: Image, ranks: int) -> str:
    """Megabytes of weights of each process."""
    ranges = [part.weight_range(image.header) for part in split_model(image.header, ranks)]
    return " + ".join(f"{(end - first) / 1e6:.1f}" for first, end in ranges)


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line per number of processes and streams; 1 if tokens differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=RELEASED_SHAPES, default="370m")
    parser.add_argument("--image", type=Path, help="a model image instead of a random one")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--board", choices=board_names(), help="take that board's time")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.worker:
        measure_here(options.image, options.streams, options.tokens, options.board)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = options.image or Path(folder) / "random.tritforge"
        if options.image is None:
            write_random_image(path, RELEASED_SHAPES[options.shape])
        image = open_image(path)
        expected: dict[str, Any] = {}
        print(f"{'ranks':>5} {'streams':>7} {'tokens/s':>9} {'equal':>6}  MB of weights")
        is_equal = True
        for ranks in options.ranks:
            found_by_streams = measure(path, ranks, options.streams, options.tokens, options.board)
            for streams, found in found_by_streams.items():
                first = expected.setdefault(streams, found)
                equal = found["tokens"] == first["tokens"]
                is_equal = is_equal and equal
                print(
                    f"{ranks:>5} {streams:>7} {found['tokens_per_second']:>9.1f} "
                    f"{'yes' if equal else 'NO':>6}  {shares(image, ranks)}"
                )
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
