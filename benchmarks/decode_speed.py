# SPDX-License-Identifier: Apache-2.0
"""Speed and memory of the C++ engine on random images of released shapes.

    python -m benchmarks.decode_speed [--shape 370m 1.3b] [--threads 1 2] [--kernel auto]

Every combination runs in a process of its own, so its peak memory is its own. Within it, rounds of
streaming reads, products alone, decode, decode with sampling and prefill take turns, so that noise
of the machine meets all of them; the medians are reported. A percentage of the bandwidth compares
the bytes of the kernel's weights with plain reads of a 200 MB buffer in the same rounds.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from pynq_driver import _engine
from tritforge.config import RELEASED_SHAPES
from tritforge.errors import TritforgeError

PROBE_BYTES = 200 << 20
PREFILL_TOKENS = 128
TOKENS_A_ROUND = 8
WARM_UP_TOKENS = 3


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One image with one kernel and one number of threads; medians over the rounds.

    Attributes:
        start_seconds: to open the image, check all of it and make the engine.
        read_bytes_per_second: streaming reads.
        product_seconds: all matrix products of a token, nothing else.
        product_bandwidth_share: bytes of the weights a second of that, against streaming reads.
        decode_tokens_per_second: one token at a time, scores included.
        other_share: share of a token that is not matrix products.
        sampled_tokens_per_second: the same with a token sampled from the scores each time.
        prefill_tokens_per_second: PREFILL_TOKENS tokens at once.
        batch_tokens_per_second: of all streams together, by number of streams decoded together.
        peak_bytes: peak resident memory of the process, Python included, bandwidth probe excluded.
    """

    shape: str
    kernel: str
    threads: int
    start_seconds: float
    read_bytes_per_second: float
    product_seconds: float
    product_bandwidth_share: float
    decode_tokens_per_second: float
    other_share: float
    sampled_tokens_per_second: float
    prefill_tokens_per_second: float
    batch_tokens_per_second: dict[int, float]
    peak_bytes: int

    @property
    def prefill_ratio(self) -> float:
        """Speed of prefill against decode."""
        return self.prefill_tokens_per_second / self.decode_tokens_per_second


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


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_image(
    path: Path,
    shape: str,
    threads: int,
    kernel: str = "auto",
    rounds: int = 7,
    streams: Sequence[int] = (4, 16),
) -> Measurement:
    """Measure one image; meant to be the only work of a process."""
    from pynq_driver.backends.cpu import CpuBackend
    from tritforge.image import open_image

    start = time.perf_counter()
    image = open_image(path)
    engine = CpuBackend(image, threads, kernel).engine
    start_seconds = time.perf_counter() - start
    context = engine.context()
    vocabulary = image.header.shape.vocabulary
    prompt = [(7919 * index) % vocabulary for index in range(PREFILL_TOKENS)]
    tokens = prompt[:TOKENS_A_ROUND]
    context.prefill(tokens[:WARM_UP_TOKENS])
    sampler = _engine.Sampler(temperature=0.7, top_k=0, top_p=0.95, seed=1)
    batches = {count: [engine.context() for _ in range(count)] for count in streams}

    def decode() -> None:
        for token in tokens:
            context.step(token)

    def decode_and_sample() -> None:
        token = 1
        for _ in tokens:
            token = context.next_token([token], sampler)

    work: dict[str, Callable[[], object]] = {
        "products": lambda: [engine._time_products() for _ in tokens],
        "decode": decode,
        "sampled": decode_and_sample,
        "prefill": lambda: context.prefill(prompt),
    }
    for count, contexts in batches.items():
        work[f"batch {count}"] = lambda held=contexts: engine.advance_many(held, [[1]] * len(held))
    for item in work.values():
        item()
    peak = peak_bytes()
    probe = _engine._BandwidthProbe(PROBE_BYTES, threads)
    seconds: dict[str, list[float]] = {name: [] for name in ("read", *work)}
    for _ in range(rounds):
        seconds["read"].append(probe.read_seconds())
        for name, item in work.items():
            seconds[name].append(timed(item))
    median = {name: statistics.median(values) for name, values in seconds.items()}
    product, token = median["products"] / len(tokens), median["decode"] / len(tokens)
    read = probe.bytes / median["read"]
    return Measurement(
        shape=shape,
        kernel=engine.kernel,
        threads=threads,
        start_seconds=start_seconds,
        read_bytes_per_second=read,
        product_seconds=product,
        product_bandwidth_share=engine.weight_bytes / product / read,
        decode_tokens_per_second=1 / token,
        other_share=1 - product / token,
        sampled_tokens_per_second=len(tokens) / median["sampled"],
        prefill_tokens_per_second=PREFILL_TOKENS / median["prefill"],
        batch_tokens_per_second={count: count / median[f"batch {count}"] for count in batches},
        peak_bytes=peak,
    )


def measure(
    shapes: Sequence[str], threads: Sequence[int], kernels: Sequence[str], rounds: int
) -> list[Measurement]:
    """Measure every combination in a fresh process, on images made for the purpose."""
    # Not at the top: the measuring processes import this module too, and need none of it.
    from benchmarks.random_image import write_random_image

    results = []
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for shape in shapes:
            path = Path(folder) / f"{shape}.tritforge"
            write_random_image(path, RELEASED_SHAPES[shape])
            for kernel in kernels:
                for count in threads:
                    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
                        arguments = (path, shape, count, kernel, rounds)
                        results.append(pool.submit(measure_image, *arguments).result())
            path.unlink()
    return results


def report(results: Sequence[Measurement]) -> str:
    """A table for people."""
    lines = [
        f"random weights, {_engine.build_info['compiler']}",
        "shape  kernel        threads  start s  read GB/s  products   of read  decode t/s  other"
        "  sampled t/s  prefill t/s   ratio  streams t/s        peak MB",
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
            f"{item.peak_bytes / 1e6:>8.1f}"
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
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args(arguments)


def main() -> int:
    """Entry point."""
    options = parse_arguments()
    try:
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
