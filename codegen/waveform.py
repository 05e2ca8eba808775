# SPDX-License-Identifier: Apache-2.0
"""Waveform of a unit: the words of its test bench through its Verilated RTL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codegen.blueprint import Blueprint
from codegen.openhls.errors import ToolError
from codegen.openhls.flow import translate_file
from codegen.openhls.simulate.bench_words import record_bench
from codegen.openhls.simulate.rtl_simulation import build_rtl_simulation
from codegen.rtl import Unit
from codegen.sources import bench_of
from tritforge.errors import ConfigurationError

#: Cycles that a run may take beyond its steps: words wait in no FIFO, so this is ample.
_MORE_CYCLES = 10_000


@dataclass(frozen=True)
class UnitWaveform:
    """What a waveform shows.

    Attributes:
        cycles: from the end of reset.
        input_words, output_words: of all streams.
    """

    unit: str
    cycles: int
    input_words: int
    output_words: int


def waveform_unit(blueprint: Blueprint, wanted: str | None) -> str:
    """The unit to show; None: the only one.

    Raises:
        ConfigurationError: there is no such unit, or several to choose from.
    """
    units = tuple(blueprint.pipeline_stages)
    if wanted in units:
        return wanted
    if wanted is None and len(units) == 1:
        return units[0]
    problem = "choose a unit" if wanted is None else f"there is no unit {wanted!r}"
    raise ConfigurationError(f"{problem}: give --waveform-unit with one of {', '.join(units)}")


def write_unit_waveform(folder: Path, unit: Unit, path: Path) -> UnitWaveform:
    """Run a unit and write every signal, reset included, as VCD.

    Args:
        folder: the unit's project, written by `codegen.rtl.build_rtl`.

    Raises:
        ToolError: a tool is missing, or the RTL gives other words than C-simulation.
    """
    source = folder / "src" / "top.cpp"
    folders = tuple(folder / name for name in ("include", "src", "shim", "tb"))
    bench, vectors = bench_of(folder, unit.name)
    step = translate_file(source, unit.name, folders)
    words = record_bench(source, "top.hpp", bench, [vectors], step, folders)
    simulation = build_rtl_simulation(unit.system_verilog, unit.manifest, waveform=True)
    cycles = words.steps + unit.manifest.latency + _MORE_CYCLES
    run = simulation.run_process(words.inputs, words.output_words, cycles, waveform=path)
    for name, expected in words.outputs.items():
        if run.outputs[name] != expected:
            raise ToolError(f"the RTL of {unit.name} gives other words in {name} than its C++")
    return UnitWaveform(unit.name, run.cycles, words.input_words, words.output_words)
