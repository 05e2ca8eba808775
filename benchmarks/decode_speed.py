# SPDX-License-Identifier: Apache-2.0
"""Speed and memory of the C++ engine on random images of released shapes.

    python -m benchmarks.decode_speed [--shape 370m 1.3b] [--threads 1 2] [--kernel auto] [--busy 1]

Every combination runs in a process of its own, so its peak memory is its own. Within it, rounds of
streaming reads, products alone, decode, decode with sampling and prefill take turns, so that noise
of the machine meets all of them; the medians are reported. A percentage of the bandwidth compares
the bytes of the kernel's weights with plain reads of a 200 MB buffer in the same rounds.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.decode_worker import Measurement
from benchmarks.random_image import write_random_image
from pynq_driver import _engine
from tritforge.errors import TritforgeError
from tritforge.language_model.config import RELEASED_SHAPES


@contextmanager
def busy_processors(count: int) -> Iterator[None]:
    """Keep the last processors that this process may use busy, each with a process of its own."""
    usable = sorted(os.sched_getaffinity(0)) if count else []
    loops = [
        subprocess.Popen(
            [sys.executable, "-c", f"import os\nos.sched_setaffinity(0, {{{cpu}}})\nwhile 1: pass"]
        )
        for cpu in usable[-count:]
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def measure_apart(path: Path, shape: str, threads: int, kernel: str, rounds: int) -> Measurement:
    """One measurement in a process of its own, which says itself what went wrong."""
    arguments = [str(path), shape, str(threads), kernel, str(rounds)]
    command = [sys.executable, "-m", "benchmarks.decode_worker", *arguments]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if process.returncode:
        raise SystemExit(f"the measurement of {shape} with {threads} threads failed")
    values = json.loads(process.stdout)
    batches = {int(count): rate for count, rate in values.pop("batch_tokens_per_second").items()}
    return Measurement(batch_tokens_per_second=batches, **values)


def measure(
    shapes: Sequence[str], threads: Sequence[int], kernels: Sequence[str], rounds: int
) -> list[Measurement]:
    """Measure every combination in a fresh process, on images made for the purpose."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for shape in shapes:
            path = Path(folder) / f"{shape}.tritforge"
            write_random_image(path, RELEASED_SHAPES[shape])
            for kernel in kernels:
                for count in threads:
                    results.append(measure_apart(path, shape, count, kernel, rounds))
            path.unlink()
    return results


def report(results: Sequence[Measurement]) -> str:
    """A table for people."""
    lines = [
        f"random weights, {_engine.build_info['compiler']}",
        "shape  kernel        threads  start s  read GB/s  products   of read  decode t/s  other"
        "  sampled t/s  prefill t/s   ratio  streams t/s        peak MB  streams",
    ]
    for item in results:
        batches = " ".join(
            f"{count}:{rate:.0f}" for count, rate in item.batch_tokens_per_second.items()
        )
        lines.append(
            f"{item.shape:<6} {item.kernel:<13} {item.threads:>7} {item.start_seconds:>8.2f} "
            f"{item.read_bytes_per_second / 1e9:>10.1f} {item.product_seconds * 1e3:>6.2f} ms "
            f"{item.product_bandwidth_share:>8.0%} {item.decode_tokens_per_second:>11.1f} "
            f"{item.other_share:>6.1%} {item.sampled_tokens_per_second:>12.1f} "
            f"{item.prefill_tokens_per_second:>12.1f} {item.prefill_ratio:>6.2f}x  {batches:<17} "
            f"{item.peak_bytes / 1e6:>8.1f} {item.batch_peak_bytes / 1e6:>8.1f}"
        )
    return "\n".join(lines)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", nargs="+", choices=RELEASED_SHAPES, default=["370m", "1.3b"])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument(
        "--kernel", nargs="+", choices=("auto", *_engine.kernels()), default=["auto"]
    )
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    parser.add_argument(
        "--busy",
        type=int,
        default=0,
        metavar="N",
        help="processors that other processes keep busy meanwhile (Linux; default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    for count in options.threads:
        if count < 1:
            parser.error(f"--threads is {count}, must be at least 1")
    if options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}, must be at least 1")
    if options.busy and not hasattr(os, "sched_setaffinity"):
        parser.error("--busy binds processes to processors, which this system cannot; leave it out")
    processors = os.cpu_count() or 1
    if not 0 <= options.busy <= processors:
        parser.error(f"--busy is {options.busy}, must be 0 to {processors}, the processors here")
    return options


def main() -> int:
    """Entry point."""
    options = parse_arguments()
    try:
        with busy_processors(options.busy):
            results = measure(options.shape, options.threads, options.kernel, options.rounds)
    except TritforgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([dataclasses.asdict(item) for item in results], indent=1))
    else:
        print(report(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
