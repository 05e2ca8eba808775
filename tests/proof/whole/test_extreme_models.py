# SPDX-License-Identifier: Apache-2.0
"""Models whose every field may sit at the end of its range, on one machine larger than all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from pynq_driver.devices.compiled import CompiledMachine
from testing.golden_device import GoldenDevice
from testing.machine_robustness import check_equal
from testing.machine_runs import RunMaker
from tests.engine.extreme_cases import EXTREME, OTHER_WIDTHS, SHAPES, UNREACHABLE, USUAL, Case
from tritforge.language_model.config import AcceleratorConfig, ModelShape, accelerator
from tritforge.language_model.image import Image
from tritforge.language_model.interface import SATURATION_SIGNALS
from tritforge.language_model.packing import pack_matrix, unpack_matrix
from tritforge.language_model.program import operation_shapes
from tritforge_cli.machine import build_library

pytestmark = pytest.mark.csim

#: Holds every shape of the cases.
LARGEST = ModelShape(
    **{
        name: max(getattr(shape, name) for shape in SHAPES.values())
        for name in ("dim", "layers", "glu_width", "vocabulary")
    }
)
#: Sums of so short rows fit every format.
EXACT = {"accumulator", "gate_operand", "up_operand"}
RUNS = 4
CASES = [case for case in (*USUAL, *EXTREME) if case.rows_per_beat == 16]


def padded_image(case: Case) -> Image:
    """The case with weight 0 in the padding, as every image that was opened has it."""
    image = case.image()
    weights = image.weight_stream.copy()
    image = dataclasses.replace(image, weight_stream=weights)
    items = [item for item in operation_shapes(image.header.shape) if item.matrices]
    for item, packed in zip(items, image.weights()):
        for index in range(item.matrices):
            trits = unpack_matrix(packed[:, index], item.rows, item.inputs)
            packed[:, index] = pack_matrix(trits, case.rows_per_beat)
    return image


def config_of(case: Case, lanes: int) -> AcceleratorConfig:
    image = case.image()
    ports = case.rows_per_beat // 8
    shape = LARGEST if not case.any_widths else image.header.shape
    return accelerator(
        shape.dim,
        shape.layers,
        shape.glu_width,
        shape.vocabulary,
        ports=ports,
        lanes=lanes,
        widths=image.header.widths,
    )


def check(case: Case, config: AcceleratorConfig, device: CompiledMachine) -> set[str]:
    """Compare some runs; signals that saturated."""
    image, generator = padded_image(case), np.random.default_rng(case.seed)
    maker, reference = RunMaker(image, config), GoldenDevice(config)
    seen: set[str] = set()
    runs = [maker.random_run(generator, fresh=index == 0) for index in range(RUNS)]
    # The rows of the embedding that are zero and most negative.
    command = maker.words.command(prefill=False, all_logits=True)
    runs.append(maker.run(command, [0, 1][: config.lanes]))
    for index, run in enumerate(runs):
        found = device.run(run)
        check_equal(f"{case}, run {index}", found, reference.run(run))
        seen |= set(found.flags["saturation"])
    return seen


@pytest.fixture(scope="module")
def device() -> Iterator[CompiledMachine]:
    machine = CompiledMachine(build_library("csim", config_of(CASES[0], 2)))
    yield machine
    machine.close()


def test_all_shapes_on_one_machine_saturate_like_the_golden_model(device: CompiledMachine) -> None:
    config, seen = config_of(CASES[0], 2), set[str]()
    for case in CASES:
        seen |= check(case, config, device)
    assert seen == set(SATURATION_SIGNALS) - UNREACHABLE - EXACT


@pytest.mark.parametrize("case", [OTHER_WIDTHS[1], OTHER_WIDTHS[12]], ids=str)
def test_other_widths(case: Case) -> None:
    config = config_of(case, 1)
    machine = CompiledMachine(build_library("csim", config))
    check(case, config, machine)
    machine.close()
