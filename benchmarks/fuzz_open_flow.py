# SPDX-License-Identifier: Apache-2.0
"""Long fuzz of the open flow's translator: `python -m benchmarks.fuzz_open_flow`.

Random C++ step functions run in g++ and as translated XLS IR, some of them Verilated with stalls.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from codegen.openhls.tools import check_tools
from tests.openhls.fuzz import fuzz_batch
from tritforge.errors import TritforgeError

_BATCH = 40


def main(argv: Sequence[str] | None = None) -> int:
    """Run; exit code 1 if any kernel differs."""
    parser = argparse.ArgumentParser(prog="fuzz_open_flow", description=__doc__)
    parser.add_argument("--kernels", type=int, default=2000, help="kernels (default: 2000)")
    parser.add_argument("--verilated", type=int, default=50, help="of them in RTL (default: 50)")
    parser.add_argument("--first-seed", type=int, default=1, help="first seed (default: 1)")
    arguments = parser.parse_args(argv)
    try:
        check_tools()
    except TritforgeError as error:
        parser.exit(2, f"fuzz_open_flow: error: {error}\n")
    start, done, verilated, words, failures = time.monotonic(), 0, 0, 0, 0
    end = arguments.first_seed + arguments.kernels
    for first in range(arguments.first_seed, end, _BATCH):
        seeds = range(first, min(first + _BATCH, end))
        share = -(-arguments.verilated * len(seeds) // arguments.kernels)
        with tempfile.TemporaryDirectory() as folder:
            result = fuzz_batch(seeds, share, Path(folder))
        done, verilated = done + result.kernels, verilated + result.verilated
        words += result.words
        failures += len(result.failures)
        for failure in result.failures:
            print(failure, flush=True)
        print(
            f"{done} kernels, {verilated} Verilated, {words} words, {failures} failures, "
            f"{time.monotonic() - start:.0f} s",
            flush=True,
        )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
