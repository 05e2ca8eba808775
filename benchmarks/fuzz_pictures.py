# SPDX-License-Identifier: Apache-2.0
"""Fuzzer of pictures: every mutated file becomes pixels or a clear error, in bounded memory.

python -m benchmarks.fuzz_pictures [--pictures 2000] [--seed 0]

Exits with 1 if reading a picture raised anything but a TritforgeError.
"""

from __future__ import annotations

import argparse
import sys
import time

from tqdm import tqdm

from testing.fuzzing.pictures import VARIANTS, run_mutated_pictures

_REASONS_SHOWN = 20


def main() -> int:
    """Run and print; returns the exit status."""
    parser = argparse.ArgumentParser(description="Mutate pictures; none may crash the reader.")
    parser.add_argument("--pictures", type=int, default=2000, help="cases (2000)")
    parser.add_argument("--seed", type=int, default=0, help="cases depend on it and their number")
    arguments = parser.parse_args()
    if arguments.pictures < 1 or arguments.seed < 0:
        parser.error("give --pictures of 1 or more and a --seed that is not negative")
    started = time.perf_counter()
    with tqdm(total=arguments.pictures, unit="picture", disable=None, leave=False) as bar:
        runs = run_mutated_pictures(
            arguments.pictures, arguments.seed, lambda done: bar.update(done - bar.n)
        )
    print(f"{arguments.pictures} mutated pictures of {len(VARIANTS)} kinds of file")
    print(f"  {runs.read:6d}  read")
    print(f"  {runs.refused:6d}  refused")
    for reason, count in runs.reasons.most_common(_REASONS_SHOWN):
        print(f"  {count:6d}    {reason}")
    for index, text in runs.crashes:
        print(f"  FAILED case {index}: {text}")
    print(
        f"{len(runs.crashes)} failures; peak memory grew by {runs.largest_growth / 1e6:.0f} MB; "
        f"{time.perf_counter() - started:.0f} s"
    )
    return 1 if runs.crashes else 0


if __name__ == "__main__":
    sys.exit(main())
