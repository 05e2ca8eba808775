# SPDX-License-Identifier: Apache-2.0
"""Decode speed of the C++ engine on random weights of a released shape.

    python benchmarks/decode_speed.py --shape 370m --threads 1 2

Speed does not depend on the values of the weights, so no checkpoint is needed: the packed stream is
random. Every kernel runs in a process of its own, with the weights mapped from a temporary file as
an image would be, so its peak memory is its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from pynq_driver import _engine
from tritforge.config import RELEASED_SHAPES, AcceleratorConfig, ModelShape, Widths
from tritforge.golden.sigmoid import sigmoid_table
from tritforge.packing import decode_table, stream_bytes
from tritforge.parameters import (
    Operation,
    OperationKind,
    OperationShape,
    ScaledOutput,
    encode_operation,
    operation_shapes,
)

ROWS_PER_BEAT = AcceleratorConfig(dim=1024).rows_per_beat
CHUNK = 1 << 24
WARM_UP_TOKENS = 3
ROUNDS = 5
PARTS = ("weights", "parameters", "embedding")


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One kernel with one number of threads.

    Attributes:
        tokens_per_second: median over the rounds.
        slowest, fastest: of the rounds, tokens/s.
        load_seconds: time to check and repack the weights.
        peak_bytes: peak resident memory of the process so far, Python and NumPy included.
    """

    kernel: str
    threads: int
    tokens_per_second: float
    slowest: float
    fastest: float
    load_seconds: float
    peak_bytes: int


def benchmark_operation(item: OperationShape) -> Operation:
    """An operation whose signals stay in their usual range, so that nothing is skipped as zero."""
    gain = np.full(item.inputs, 1 << 14, np.int16)
    project = item.kind is OperationKind.PROJECT
    embed = item.kind is OperationKind.EMBED
    return Operation(
        kind=item.kind,
        layer=item.layer,
        inputs=item.inputs,
        rows=item.rows,
        matrices=item.matrices,
        input_shift=-4 if embed else 12 if project else 0,
        square_shift=0 if embed else 16,
        norm_gain=gain if item.has_norm_gain else None,
        outputs=(ScaledOutput(gain, 9, 100_000, 12),) * item.outputs,
        lower_bound=np.zeros(item.inputs, np.uint16) if item.has_lower_bound else None,
    )


def write_parts(folder: Path, shape: ModelShape) -> None:
    """Write random weights, a program and a random embedding of that shape."""
    random = np.random.default_rng(0)
    codes = np.flatnonzero(decode_table()[1]).astype(np.uint8)
    total = sum(
        stream_bytes(item.rows, item.inputs, item.matrices, ROWS_PER_BEAT)
        for item in operation_shapes(shape)
        if item.matrices
    )
    with (folder / "weights").open("wb") as file:
        for start in range(0, total, CHUNK):
            file.write(random.choice(codes, min(CHUNK, total - start)).tobytes())
    with (folder / "parameters").open("wb") as file:
        for item in operation_shapes(shape):
            file.write(encode_operation(benchmark_operation(item)))
    with (folder / "embedding").open("wb") as file:
        for _ in range(shape.vocabulary):
            file.write(random.integers(-20000, 20000, shape.dim, np.int16).tobytes())


def peak_bytes() -> int:
    """Peak resident memory of this process.

    Not ru_maxrss where it can be avoided: on Linux it starts with the peak of the parent process.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def measure_kernel(
    folder: Path, shape: ModelShape, kernel: str, thread_counts: Sequence[int], tokens: int
) -> list[Measurement]:
    """Measurements of one kernel; meant to be the only work of a process."""
    weights, parameters, embedding = (
        np.memmap(folder / name, "<i2" if name == "embedding" else np.uint8, "r") for name in PARTS
    )
    results = []
    for threads in thread_counts:
        start = time.perf_counter()
        engine = _engine.Engine(
            weights=weights,
            parameters=parameters,
            embedding=embedding.reshape(shape.vocabulary, shape.dim),
            shape=dataclasses.asdict(shape),
            rows_per_beat=ROWS_PER_BEAT,
            widths=dataclasses.asdict(Widths()),
            sigmoid_table=sigmoid_table(Widths().sigmoid_fraction),
            kernel=kernel,
            threads=threads,
        )
        load_seconds = time.perf_counter() - start
        context = engine.context()
        rates = sorted(_rates(context, shape, tokens))
        results.append(
            Measurement(
                kernel,
                threads,
                statistics.median(rates),
                rates[0],
                rates[-1],
                load_seconds,
                peak_bytes(),
            )
        )
    return results


def _rates(context: _engine.Context, shape: ModelShape, tokens: int) -> list[float]:
    """Tokens/s of each round; a token is step and logits, as a generation loop does it."""
    sequence = np.random.default_rng(1).integers(0, shape.vocabulary, tokens).tolist()
    context.prefill(sequence[:WARM_UP_TOKENS])
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for token in sequence:
            context.step(token)
            context.logits()
        rates.append(tokens / (time.perf_counter() - start))
    return rates


def measure(
    shape: ModelShape, kernels: Sequence[str], thread_counts: Sequence[int], tokens: int
) -> list[Measurement]:
    """Measure every kernel in a fresh process."""
    results = []
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        write_parts(Path(name), shape)
        for kernel in kernels:
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                arguments = (Path(name), shape, kernel, thread_counts, tokens)
                results += pool.submit(measure_kernel, *arguments).result()
    return results


def report(shape_name: str, results: Sequence[Measurement]) -> str:
    """A table for people."""
    lines = [
        f"{shape_name}, random weights, {_engine.build_info['compiler']}",
        "kernel         threads  tokens/s (slowest - fastest)   load s   peak memory",
    ]
    for item in results:
        spread = f"({item.slowest:.1f} - {item.fastest:.1f})"
        lines.append(
            f"{item.kernel:<14} {item.threads:>7}  {item.tokens_per_second:>8.1f} {spread:<20} "
            f"{item.load_seconds:>7.2f} {item.peak_bytes / 1e6:>10.0f} MB"
        )
    return "\n".join(lines)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--shape", choices=RELEASED_SHAPES, default="370m")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], metavar="N")
    parser.add_argument("--kernel", nargs="+", choices=_engine.kernels(), default=_engine.kernels())
    parser.add_argument("--tokens", type=int, default=16, help="tokens a round (default: 16)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args(arguments)


def main() -> None:
    """Entry point."""
    options = parse_arguments()
    results = measure(
        RELEASED_SHAPES[options.shape], options.kernel, options.threads, options.tokens
    )
    if options.json:
        rows: list[dict[str, Any]] = [dataclasses.asdict(item) for item in results]
        print(json.dumps({"shape": options.shape, "results": rows}, indent=1))
    else:
        print(report(options.shape, results))


if __name__ == "__main__":
    main()
