# SPDX-License-Identifier: Apache-2.0
"""The process of one measurement of `benchmarks.decode_speed`; prints it as JSON.

    python -m benchmarks.decode_worker 370m.tritforge 370m 1 auto 7

It imports little, because its peak memory is among the figures.
"""

from __future__ import annotations

import dataclasses
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from pynq_driver import _engine
from pynq_driver.language_model.backends.cpu import CpuBackend
from tritforge.language_model.image import open_image

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
        product_bandwidth_share: bytes of the weights per second of that, against streaming reads.
        decode_tokens_per_second: one token at a time, scores included.
        other_share: share of a token that is not matrix products.
        sampled_tokens_per_second: the same with a token sampled from the scores each time.
        prefill_tokens_per_second: PREFILL_TOKENS tokens at once.
        batch_tokens_per_second: of all streams together, by number of streams decoded together.
        peak_bytes: peak resident memory of the process, Python included, with one stream.
        batch_peak_bytes: the same with all contexts of the batches beside it. The buffer of the
            bandwidth probe comes after both.
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
    batch_peak_bytes: int

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
    for item in work.values():
        item()
    peak = peak_bytes()
    batches = {count: [engine.context() for _ in range(count)] for count in streams}
    for count, contexts in batches.items():
        name = f"batch {count}"
        work[name] = partial(engine.advance_many, contexts, [[1]] * count)
        work[name]()
    batch_peak = peak_bytes()
    probe = _engine._BandwidthProbe(PROBE_BYTES, threads)
    seconds: dict[str, list[float]] = {name: [] for name in ("read", *work)}
    for _ in range(rounds):
        seconds["read"].append(probe.read_seconds())
        for name, item in work.items():
            seconds[name].append(timed(item))
    median = {name: float(np.median(values)) for name, values in seconds.items()}
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
        batch_peak_bytes=batch_peak,
    )


def main() -> None:
    """Entry point."""
    path, shape, threads, kernel, rounds = sys.argv[1:]
    result = measure_image(Path(path), shape, int(threads), kernel, int(rounds))
    print(json.dumps(dataclasses.asdict(result)))


if __name__ == "__main__":
    main()
