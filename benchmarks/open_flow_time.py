# SPDX-License-Identifier: Apache-2.0
"""Time from C++ to a Verilated simulation of the ternary-adder array, cold and cached, by step.

Cold means a fresh cache folder; cached repeats the same work with what the cold run left there.
Starting Python and importing the tools is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

from tqdm import tqdm

from codegen.openhls.errors import ToolError
from codegen.openhls.flow import build_design, llvm_of
from codegen.openhls.frontend.llvm_parser import parse_module
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.rtl_simulation import build_rtl_simulation
from codegen.openhls.tools import check_tools
from codegen.openhls.translate.top import translate
from testing.openhls.proof_cases import UNITS
from testing.openhls.unit_words import Words, array_words, config_include, small_config
from tritforge.errors import TritforgeError

TOP = "ternary_array"
STAGES = 2
_PORT_CHOICES = (1, 2, 4)
_CYCLES = 1_000_000
_Result = TypeVar("_Result")


class Stopwatch:
    """Seconds of named steps, in order."""

    def __init__(self, progress: tqdm[None]) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    def measure(self, name: str, action: Callable[[], _Result]) -> _Result:
        """Run one step."""
        self._progress.set_description(name)
        start = time.monotonic()
        result = action()
        self.seconds[name] = time.monotonic() - start
        self._progress.update()
        return result


STEPS = (
    "C++ to LLVM IR (clang)",
    "LLVM IR to XLS IR",
    "XLS IR to SystemVerilog",
    "SystemVerilog to simulation",
    "run the simulation",
)


def run_flow(includes: Sequence[Path], words: Words, watch: Stopwatch) -> int:
    """Every step once; the number of words that the simulation sent."""
    llvm = watch.measure(STEPS[0], lambda: llvm_of(UNITS, includes))
    step = watch.measure(STEPS[1], lambda: translate(parse_module(llvm), TOP))
    design = watch.measure(STEPS[2], lambda: build_design(step, Manifest(TOP, STAGES)))
    rtl = watch.measure(
        STEPS[3], lambda: build_rtl_simulation(design.system_verilog, design.manifest)
    )
    # More words than there are: the run ends when nothing moves any more.
    result = watch.measure(STEPS[4], lambda: rtl.run_process(words, _CYCLES, _CYCLES, seed=1))
    left = {name: len(items) for name, items in result.left.items() if items}
    if left or not result.outputs["sums"]:
        raise ToolError(f"the simulation did not take all words; left: {left}")
    return len(result.outputs["sums"])


def measure(ports: int, beats: int) -> dict[str, dict[str, float]]:
    """Seconds of every step, cold and cached."""
    config = small_config(ports)
    words = array_words(config, ports, beats)
    found: dict[str, dict[str, float]] = {}
    sent = []
    with tempfile.TemporaryDirectory(prefix="open_flow_time_") as name:
        folder = Path(name)
        includes = config_include(config, folder / "include")
        fresh = {"TRITFORGE_CACHE": str(folder / "cache")}
        with patch.dict(os.environ, fresh), tqdm(total=2 * len(STEPS), disable=None) as progress:
            for kind in ("cold", "cached"):
                watch = Stopwatch(progress)
                sent.append(run_flow(includes, words, watch))
                found[kind] = watch.seconds
    if sent[0] != sent[1]:
        raise ToolError(f"the cold run sent {sent[0]} words, the cached one {sent[1]}")
    return found


def print_table(found: dict[str, dict[str, float]]) -> None:
    """Print the seconds of each step, one line per step."""
    print(f"{'step':32}{'cold s':>10}{'cached s':>10}")
    for name in STEPS:
        print(f"{name:32}{found['cold'][name]:>10.2f}{found['cached'][name]:>10.2f}")
    totals = [sum(found[kind].values()) for kind in ("cold", "cached")]
    print(f"{'total':32}{totals[0]:>10.2f}{totals[1]:>10.2f}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run; exit code 1 if a step fails or takes longer than the limit in all."""
    parser = argparse.ArgumentParser(prog="open_flow_time", description=__doc__)
    parser.add_argument("--ports", type=int, default=1, choices=_PORT_CHOICES, help="default: 1")
    parser.add_argument("--beats", type=int, default=3000, help="weight beats (default: 3000)")
    parser.add_argument("--limit", type=float, help="longest cold run in seconds (default: none)")
    parser.add_argument("--json", action="store_true", help="print the seconds as JSON")
    arguments = parser.parse_args(argv)
    try:
        check_tools()
        found = measure(arguments.ports, arguments.beats)
    except TritforgeError as error:
        parser.exit(1, f"open_flow_time: error: {error}\n")
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        print_table(found)
    too_slow = arguments.limit is not None and sum(found["cold"].values()) > arguments.limit
    return 1 if too_slow else 0


if __name__ == "__main__":
    sys.exit(main())
