# SPDX-License-Identifier: Apache-2.0
"""Long fuzz of the open flow's translator: `python -m benchmarks.fuzz_open_flow`.

Random C++ step functions run in g++ and as translated XLS IR in XLS's just-in-time compiler, some
of them Verilated with and without stalls. The same seeds give the same kernels.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tqdm import tqdm

from codegen.openhls.tools import check_tools
from testing.openhls.fuzz import FuzzResult, fuzz_batch
from tritforge.errors import TritforgeError

#: Kernels of one file, and of one Verilated module.
_BATCH, _TOGETHER = 50, 10


def batches(first: int, kernels: int, verilated: int) -> Iterator[tuple[range, int]]:
    """Seeds of every batch and how many of them are Verilated, in as few batches as will do."""
    count = -(-kernels // _BATCH)
    modules = min(count, -(-verilated // _TOGETHER))
    for index in range(count):
        start = first + index * _BATCH
        seeds = range(start, min(start + _BATCH, first + kernels))
        # Spread evenly, so that the short last batch is no bad luck.
        chosen = (index + 1) * modules // count > index * modules // count
        yield seeds, -(-verilated // modules) if chosen else 0


def fuzz(work: tuple[range, int]) -> FuzzResult:
    """One batch in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="fuzz_open_flow_") as folder:
        return fuzz_batch(*work, Path(folder))


def main(argv: Sequence[str] | None = None) -> int:
    """Run; exit code 1 if any kernel differs."""
    parser = argparse.ArgumentParser(prog="fuzz_open_flow", description=__doc__)
    parser.add_argument("--kernels", type=int, default=2300, help="kernels (default: 2300)")
    parser.add_argument("--verilated", type=int, default=100, help="of them in RTL (default: 100)")
    parser.add_argument("--first-seed", type=int, default=1, help="first seed (default: 1)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args(argv)
    for name, lowest in (("kernels", 1), ("verilated", 0), ("first_seed", 0), ("jobs", 1)):
        if getattr(arguments, name) < lowest:
            parser.error(f"--{name.replace('_', '-')} is below {lowest}")
    try:
        check_tools()
    except TritforgeError as error:
        parser.exit(2, f"fuzz_open_flow: error: {error}\n")
    start, found = time.monotonic(), []
    work = list(batches(arguments.first_seed, arguments.kernels, arguments.verilated))
    with (
        ProcessPoolExecutor(arguments.jobs) as pool,
        tqdm(total=arguments.kernels, unit="kernel", disable=None) as progress,
    ):
        for (seeds, _), result in zip(work, pool.map(fuzz, work)):
            found.append(result)
            for failure in result.failures:
                progress.write(failure, file=sys.stderr)
            progress.update(len(seeds))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    figures = {
        "kernels": sum(item.kernels for item in found),
        "verilated": sum(item.verilated for item in found),
        "words": sum(item.words for item in found),
        "failures": sum(len(item.failures) for item in found),
        "seconds": round(time.monotonic() - start),
        "processor_seconds": round(sum(item.ru_utime + item.ru_stime for item in used)),
    }
    if arguments.json:
        print(json.dumps(figures, indent=2))
    else:
        print(", ".join(f"{value} {name.replace('_', ' ')}" for name, value in figures.items()))
    return 1 if figures["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
