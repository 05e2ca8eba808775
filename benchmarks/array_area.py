# SPDX-License-Identifier: Apache-2.0
"""Area of the ternary-adder array out of the open flow against SystemVerilog written by hand.

Both are Verilated and get the same words; every word that leaves has to be the same, with and
without stalls, and without stalls a step starts every cycle in both. Then the same yosys script
estimates both (`codegen.openhls.synth.xilinx7`, before placement). A row-byte is what one row takes
per beat: one byte, five ternary weights.

The baseline has one lane. A second table has the open flow's module with more lanes, which share
the decoded weights: what a lane more costs a row-byte.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from codegen.openhls.flow import Design, build_design, translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.interpreter import Run, StepInterpreter
from codegen.openhls.simulate.proof import DEFAULT_STALLS, check_rtl
from codegen.openhls.simulate.rtl_simulation import build_rtl_simulation
from codegen.openhls.synth.xilinx7 import HEADER, Resources, synthesise
from codegen.openhls.tools import check_tools
from testing.openhls.proof_cases import UNITS
from testing.openhls.unit_words import Words, array_words, config_include, constant, small_config
from testing.repository import ROOT
from tritforge.errors import TritforgeError
from tritforge.language_model.config import AcceleratorConfig

BASELINE = ROOT / "benchmarks" / "baselines" / "ternary_array_baseline.sv"
TOP = "ternary_array"
STAGES = 2
_PORT_CHOICES = (1, 2, 4)
_MAXIMUM_STEPS = 1_000_000
_IDLE_STEPS = 100
_STREAMS_IN = ("headers", "weights", "codes")
_STREAM_OUT = "sums"


@dataclass(frozen=True)
class Comparison:
    """One array, twice."""

    ports: int
    rows: int
    words_compared: int
    open_flow: Resources
    baseline: Resources

    @property
    def ratio(self) -> float:
        """LUTs of the open flow's module for one of the baseline."""
        return self.open_flow.luts / self.baseline.luts


@dataclass(frozen=True)
class Lanes:
    """The array of the open flow with so many lanes."""

    ports: int
    rows: int
    lanes: int
    open_flow: Resources


def open_flow_design(config: AcceleratorConfig) -> Design:
    """The array as the open flow makes it."""
    with tempfile.TemporaryDirectory() as name:
        step = translate_file(UNITS, TOP, config_include(config, Path(name)))
    return build_design(step, Manifest(TOP, STAGES))


def baseline_text(config: AcceleratorConfig, manifest: Manifest) -> str:
    """The baseline with the widths of a configuration, under the name and ports of the top."""
    widths = {stream.name: stream.width for stream in manifest.streams}
    beat_width = (-(-constant(config, "kMaximumInputs") // 5)).bit_length()
    parameters = {
        "ROWS": constant(config, "kRowsPerBeat"),
        "SUM_WIDTH": constant(config, "kAccumulatorBits"),
        "BEAT_WIDTH": beat_width,
        "TILE_WIDTH": widths["headers"] - beat_width,
    }
    wires = ["input wire clk", "input wire rst"]
    for name in _STREAMS_IN:
        wires += [f"input wire [{widths[name] - 1}:0] {name}_tdata", f"input wire {name}_tvalid"]
        wires.append(f"output wire {name}_tready")
    wires.append(f"output wire [{widths[_STREAM_OUT] - 1}:0] {_STREAM_OUT}_tdata")
    wires += [f"output wire {_STREAM_OUT}_tvalid", f"input wire {_STREAM_OUT}_tready"]
    settings = ", ".join(f".{name}({value})" for name, value in parameters.items())
    names = [wire.split()[-1] for wire in wires]
    connections = ", ".join(f".{name}({name})" for name in names)
    instance = f"  {BASELINE.stem} #({settings}) array ({connections});\n"
    declarations = ",\n    ".join(wires)
    text = BASELINE.read_text(encoding="utf-8")
    return f"{text}\nmodule {manifest.top} (\n    {declarations}\n);\n{instance}endmodule\n"


def check_same(design: Design, baseline: str, words: Words) -> int:
    """Compare both modules with the translated C++; the number of words compared.

    Raises:
        ProofError: a module gives other words, or in other cycles.
    """
    run: Run = StepInterpreter(design.step).run(words, {}, _MAXIMUM_STEPS, _IDLE_STEPS)
    for text in (design.system_verilog, baseline):
        rtl = build_rtl_simulation(text, design.manifest)
        for percent in DEFAULT_STALLS:
            check_rtl(rtl, words, run, run.outputs, percent)
    return len(run.outputs[_STREAM_OUT])


def compare(ports: int, beats: int, progress: tqdm[None]) -> Comparison:
    """Check, then measure, the array of a number of ports."""
    config = small_config(ports)
    progress.set_description(f"P = {ports}: translate and simulate")
    design = open_flow_design(config)
    baseline = baseline_text(config, design.manifest)
    compared = check_same(design, baseline, array_words(config, ports, beats))
    progress.update()
    results = []
    for text in (design.system_verilog, baseline):
        progress.set_description(f"P = {ports}: synthesise")
        results.append(synthesise(text, TOP))
        progress.update()
    return Comparison(ports, constant(config, "kRowsPerBeat"), compared, *results)


def with_lanes(ports: int, lanes: int, progress: tqdm[None]) -> Lanes:
    """Measure the array of a number of lanes."""
    progress.set_description(f"P = {ports}, {lanes} lanes: synthesise")
    config = small_config(ports, lanes)
    resources = synthesise(open_flow_design(config).system_verilog, TOP)
    progress.update()
    return Lanes(ports, constant(config, "kRowsPerBeat"), lanes, resources)


def print_lanes(found: Sequence[Lanes]) -> None:
    """LUTs of a row-byte, and what every lane after the first one adds to it."""
    first = found[0]
    print()
    for item in found:
        added = ""
        if item.lanes > first.lanes:
            more = item.open_flow.luts - first.open_flow.luts
            each = more / item.rows / (item.lanes - first.lanes)
            added = f"  {each:.1f} for each further lane"
        row = item.open_flow.row(f"P = {item.ports}, {item.rows} rows, lanes: {item.lanes}")
        print(f"{row}{item.open_flow.luts / item.rows:>14.1f}{added}")


def print_table(comparisons: Sequence[Comparison]) -> None:
    """The resources of both modules and the ratio of their LUTs."""
    print(f"{HEADER}{'LUT/row-byte':>14}")
    for item in comparisons:
        for name, resources in (("open flow", item.open_flow), ("by hand", item.baseline)):
            row = resources.row(f"P = {item.ports}, {item.rows} rows, {name}")
            print(f"{row}{resources.luts / item.rows:>14.1f}")
        print(
            f"P = {item.ports}: open flow / by hand = {item.ratio:.2f} in LUTs; "
            f"{item.words_compared} words of each equal"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run; exit code 1 if the modules differ, or if the ratio is above the limit."""
    parser = argparse.ArgumentParser(prog="array_area", description=__doc__)
    parser.add_argument(
        "--ports",
        type=int,
        nargs="+",
        default=[1, 2, 4],
        choices=_PORT_CHOICES,
        help="default: 1 2 4",
    )
    parser.add_argument(
        "--lanes", type=int, nargs="*", default=[1, 2, 4], help="with the first ports (1 2 4)"
    )
    parser.add_argument("--beats", type=int, default=3000, help="weight beats (default: 3000)")
    parser.add_argument("--limit", type=float, help="largest ratio of LUTs (default: none)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args(argv)
    try:
        check_tools()
        steps = 3 * len(arguments.ports) + len(arguments.lanes)
        with tqdm(total=steps, unit="step", disable=None) as progress:
            found = [compare(ports, arguments.beats, progress) for ports in arguments.ports]
            lanes = [
                with_lanes(arguments.ports[0], lanes, progress) for lanes in sorted(arguments.lanes)
            ]
    except TritforgeError as error:
        parser.exit(1, f"array_area: error: {error}\n")
    if arguments.json:
        ratios = [{**asdict(item), "ratio": item.ratio} for item in found]
        print(json.dumps({"ratios": ratios, "lanes": list(map(asdict, lanes))}, indent=2))
    else:
        print_table(found)
        if lanes:
            print_lanes(lanes)
    above = arguments.limit is not None and any(item.ratio > arguments.limit for item in found)
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
