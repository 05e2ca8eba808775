# SPDX-License-Identifier: Apache-2.0
"""What is proven three ways: top function, pipeline stages and the words that it is fed.

The suite proves every case with words that keep it fast; `python -m benchmarks.three_way` proves
them all again with as many as asked for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import RandomState

from codegen.ivit.blueprint import IvitBlueprint
from codegen.ivit.row_units import ROW_UNITS, RowUnitsBlueprint
from codegen.ivit.vectors.layer_norm import layer_norm_cases
from codegen.ivit.vectors.row_cases import input_range, row_cases
from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.language_model.processes import machine_processes
from codegen.openhls.connection import Connection
from codegen.openhls.flow import build_design, default_includes, translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.csim import build_c_simulation
from codegen.openhls.simulate.interpreter import Run, StepInterpreter
from codegen.openhls.simulate.proof import (
    DEFAULT_STALLS,
    IDLE_STEPS,
    Evidence,
    ProofError,
    check_rtl,
    prove,
)
from codegen.openhls.simulate.rtl_simulation import build_rtl_simulation
from codegen.openhls.xls.connect import connect
from codegen.output import write_project
from codegen.project import render_project
from testing.ivit_machine import small_ivit_config
from testing.openhls import unit_words
from testing.openhls.bench_units import FREE_DATA, IVIT_FREE_DATA, prove_bench_unit
from testing.openhls.unit_words import Words, config_include, pack, project_source, small_config
from testing.openhls.words import corner_words
from tritforge.fixed_point import Int64Array
from tritforge.ivit.config import ROW_COUNT_BITS
from tritforge.ivit.golden import LayerNormConfig, RowUnitConfig
from tritforge.language_model.config import AcceleratorConfig

KERNELS = Path(__file__).parent / "kernels"
EXAMPLES, UNITS = KERNELS / "examples.cpp", KERNELS / "units.cpp"
LINK = Connection("producer", "doubled", "consumer", "in", depth=3)
_MAXIMUM_STEPS = 10_000_000


@dataclass(frozen=True)
class ProofCase:
    """One line of the table.

    Attributes:
        vectors: what the number of vectors counts.
        prove: with an empty folder, a number of vectors and stall percentages.
    """

    name: str
    stages: int
    vectors: str
    prove: Callable[[Path, int, Sequence[int]], Evidence]


def _example(top: str, stages: int, widths: dict[str, int], vectors: str = "words") -> ProofCase:
    def run(folder: Path, count: int, stalls: Sequence[int]) -> Evidence:
        return prove(
            EXAMPLES, Manifest(top, stages), example_words(top, widths, count), None, stalls
        )

    return ProofCase(f"{top}, {stages} stages" if stages > 1 else top, stages, vectors, run)


def example_words(top: str, widths: dict[str, int], count: int) -> Words:
    """Random and corner words for every input; some get lengths, `histogram` a limit."""
    source = random.Random(top)
    words = {name: corner_words(source, width, count) for name, width in widths.items()}
    if top == "accumulate":
        words["lengths"] = [source.randint(1, 40) for _ in range(count // 10)]
    if top == "fill_up":
        words["lengths"] = [source.randint(1, 15) for _ in range(count // 2)]
    if top == "histogram":
        words["threshold"] = [5]
    return words


def _unit(
    top: str, vectors: str, words: Callable[[AcceleratorConfig, int], Words], lanes: int = 1
) -> ProofCase:
    """A unit as the generated top.cpp wraps it, with the pipeline stages it has in a machine."""
    config = small_config(lanes=lanes)
    (stages,) = (item.stages for item in machine_processes(config.ports) if item.name == top)

    def run(folder: Path, count: int, stalls: Sequence[int]) -> Evidence:
        includes = config_include(config, folder)
        source = project_source(config, folder)
        return prove(source, Manifest(top, stages), words(config, count), includes, stalls)

    return ProofCase(f"{top} B={lanes}", stages, vectors, run)


def _bench_unit(top: str, lanes: int = 1, ports: int = 1) -> ProofCase:
    """A process, fed by its own test bench."""
    config = small_config(ports, lanes)
    (stages,) = (item.stages for item in machine_processes(ports) if item.name == top)

    def run(_: Path, count: int, stalls: Sequence[int]) -> Evidence:
        blueprint, free = LanguageModelBlueprint(config), FREE_DATA[top]
        return prove_bench_unit(blueprint, Manifest(top, stages), count, stalls, free)

    return ProofCase(f"{top} P={ports} B={lanes}", stages, "words", run)


def _ivit_unit(top: str, packing: int = 2) -> ProofCase:
    """A process of the I-ViT machine, fed by its own test bench."""
    blueprint = IvitBlueprint(small_ivit_config(packing), tuple(IVIT_FREE_DATA))
    stages = blueprint.pipeline_stages[top]

    def run(_: Path, count: int, stalls: Sequence[int]) -> Evidence:
        free = IVIT_FREE_DATA[top]
        return prove_bench_unit(blueprint, Manifest(top, stages), count, stalls, free)

    name = f"{top} of I-ViT" + (", a multiplier per product" if packing == 1 else "")
    return ProofCase(name, stages, "words", run)


def _array(ports: int, lanes: int) -> ProofCase:
    config = small_config(ports, lanes)

    def run(folder: Path, count: int, stalls: Sequence[int]) -> Evidence:
        includes = config_include(config, folder)
        words = unit_words.array_words(config, 1, count)
        return prove(UNITS, Manifest("ternary_array", 2), words, includes, stalls)

    return ProofCase(f"ternary_array P={ports} B={lanes}", 2, "beats", run)


def prove_decoder(folder: Path, count: int, stalls: Sequence[int]) -> Evidence:
    """Prove the decoder of weight bytes with every byte, again and again."""
    words = {"code": [*range(256)] * -(-count // 256)}
    includes = config_include(small_config(), folder)
    return prove(UNITS, Manifest("ternary_code", 1), words, includes, stalls)


def row_words(config: RowUnitConfig, rows: int) -> Words:
    """Commands and inputs: the rows of the test bench, then random ones."""
    random_state = RandomState(7)
    cases = [(case.x0_magnitude, case.x) for case in row_cases(config, random_state)]
    low, high = input_range(config)
    while sum(len(x) for _, x in cases) < rows:
        x0 = int(random_state.randint(1, config.largest_x0 + 1))
        shape = tuple(random_state.randint(1, (6, min(config.row, 12) + 1)))
        cases.append((x0, random_state.randint(low, high + 1, shape, dtype=np.int64)))
    words: Words = {"commands": [], "inputs": []}
    for x0, x in cases:
        words["commands"].append(pack([*_shape_fields(config.row, x), (x0, config.x0_bits)]))
        words["inputs"] += _element_words(x, config.input_bits, config.elements)
    return words


def layer_norm_words(config: LayerNormConfig, rows: int) -> Words:
    """Commands, biases and inputs: the rows of the test bench, then random ones."""
    random_state = RandomState(9)
    cases = [(case.x, case.bias) for case in layer_norm_cases(config, random_state)]
    half, limit = 1 << (config.input_bits - 1), 1 << (config.bias_bits - 1)
    while sum(len(x) for x, _ in cases) < rows:
        shape = tuple(random_state.randint(1, (9, config.row + 1)))
        spread = int(random_state.randint(1, half + 1))
        x = random_state.randint(-spread, spread, shape, dtype=np.int64)
        cases.append((x, random_state.randint(-limit, limit, shape[1], dtype=np.int64)))
    words: Words = {"commands": [], "biases": [], "inputs": []}
    for x, bias in cases:
        words["commands"].append(pack(_shape_fields(config.row, x)))
        words["biases"] += _element_words(bias[np.newaxis], config.bias_bits, config.elements)
        words["inputs"] += _element_words(x, config.input_bits, config.elements)
    return words


def _shape_fields(longest: int, x: Int64Array) -> list[tuple[int, int]]:
    rows, length = x.shape
    return [(length, longest.bit_length()), (rows, ROW_COUNT_BITS)]


def _element_words(x: Int64Array, bits: int, elements: int) -> list[int]:
    """Rows in words of several elements, the last word of a row filled with zeros."""
    words = []
    for row in (x & ((1 << bits) - 1)).tolist():
        row += [0] * (-len(row) % elements)
        words += [
            pack([(value, bits) for value in row[start : start + elements]])
            for start in range(0, len(row), elements)
        ]
    return words


_LAYER_NORM = LayerNormConfig.unit


def _row_unit(unit: str, elements: int) -> ProofCase:
    parameters = {"row": 40, "elements": elements}
    if unit != _LAYER_NORM:
        parameters["largest_x0"] = 40
    blueprint = RowUnitsBlueprint((unit,), parameters)
    stages = blueprint.pipeline_stages[unit]

    def run(folder: Path, count: int, stalls: Sequence[int]) -> Evidence:
        write_project(folder / "project", render_project(blueprint))
        folders = [folder / "project" / name for name in ("include", "src")]
        make: Callable[[Any, int], Words] = layer_norm_words if unit == _LAYER_NORM else row_words
        return prove(
            folder / "project" / "src" / "top.cpp",
            Manifest(unit, stages),
            make(blueprint.configs[0], count),
            (*folders, *default_includes()),
            stalls,
        )

    return ProofCase(f"{unit} elements={elements}", stages, "rows", run)


def prove_pair(folder: Path, count: int, stalls: Sequence[int]) -> Evidence:
    """Two processes with a FIFO between, against both C-simulations and translations in a row."""
    words = corner_words(random.Random(5), 24, count)
    designs, runs, given = [], [], words
    latency: dict[str, int] = {}
    for top, read, sent in (("producer", "in", "doubled"), ("consumer", "in", "differences")):
        step = translate_file(EXAMPLES, top)
        designs.append(build_design(step, Manifest(top, 1)))
        expected = build_c_simulation(EXAMPLES, step, default_includes()).run({read: given}, count)
        runs.append(StepInterpreter(step).run({read: given}, {}, _MAXIMUM_STEPS, IDLE_STEPS))
        if runs[-1].outputs[sent] != expected[sent]:
            raise ProofError(f"{top}: XLS and g++ send different words")
        given = expected[sent]
    wires, manifest = connect("pair", [item.manifest for item in designs], [LINK])
    text = "\n".join([*(item.system_verilog for item in designs), wires])
    rtl = build_rtl_simulation(text, manifest)
    # The consumer's steps are those of the pair, some cycles later.
    both = Run(count, {"consumer_differences": given}, {}, {"producer_in": 0})
    both.output_steps["consumer_differences"] = runs[1].output_steps["differences"]
    for percent in stalls:
        latency = check_rtl(rtl, {"producer_in": words}, both, both.outputs, percent) or latency
    return Evidence(count, count, len(given), latency)


CASES: tuple[ProofCase, ...] = (
    *(_array(ports, lanes) for ports, lanes in ((1, 1), (2, 1), (4, 1), (1, 2), (2, 4))),
    ProofCase("ternary_code", 1, "bytes", prove_decoder),
    *(
        _unit("quantiser", "words", lambda c, count: unit_words.quantiser_words(c, 3, count), lanes)
        for lanes in (1, 2)
    ),
    *(
        _unit("code_buffer", "words", lambda c, count: unit_words.buffer_words(c, 4, count), lanes)
        for lanes in (1, 2)
    ),
    _unit("scalar_unit", "requests", lambda c, count: unit_words.scalar_words(c, 2, count)),
    *(_bench_unit(unit) for unit in FREE_DATA),
    *(_row_unit(unit, count) for unit in ROW_UNITS for count in (1, 2)),
    *(_ivit_unit(unit) for unit in IVIT_FREE_DATA),
    _ivit_unit("matrix_array", packing=1),
    _example("mix", 2, {"a": 9, "b": 100, "negate": 1}, "vectors"),
    _example("walls", 1, {"a": 7, "b": 100, "c": 200}, "vectors"),
    _example("accumulate", 1, {"values": 17}),
    _example("oscillator", 2, {"frequencies": 16}),
    _example("histogram", 2, {"in": 3}),
    _example("fill_up", 1, {"in": 9}),
    _example("counter", 1, {"in": 5}),
    _example("counter", 3, {"in": 5}),
    _example("reverse", 4, {"in": 40}),
    ProofCase("producer, FIFO, consumer", 1, "words", prove_pair),
)
__all__ = ["CASES", "DEFAULT_STALLS", "EXAMPLES", "LINK", "UNITS", "ProofCase", "example_words"]
