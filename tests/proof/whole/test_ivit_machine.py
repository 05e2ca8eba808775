# SPDX-License-Identifier: Apache-2.0
"""The whole I-ViT machine behind the driver: logits of the golden model, errors, clean restarts."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from codegen.machine.csim_library import build_csim_library
from codegen.machine.rtl_library import build_rtl_library
from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.devices.device import RunResult
from pynq_driver.ivit.backends.machine import MachineVisionBackend
from pynq_driver.ivit.performance import (
    ARRAY_CYCLES,
    PARTS,
    image_counts,
    image_parts,
    measure_operations,
)
from testing.ivit_machine_runs import MachineRuns, small_runs, tiny_runs
from testing.ivit_random_model import RandomModel
from testing.machine_robustness import malformed_runs, stall_runs
from tritforge.error_code import ErrorCode
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.ivit.machine.interface import INPUTS, OUTPUT
from tritforge.ivit.machine.operations import operations
from tritforge.ivit.machine.packets import ImagePackets
from tritforge.ivit.machine.program import RECORD_WORDS
from tritforge.ivit.shape import VisionShape, VisionWidths
from tritforge_cli.ivit.cycles import cycle_lines

RUNS = small_runs()
#: Machines whose lanes fit the small model in other ways: one of everything; more than there is.
OTHER_LANES = [
    {"token_lanes": 1, "feature_lanes": 1, "result_lanes": 1, "elements": 1}
    | {"products_per_multiplier": 1},
    {"token_lanes": 12, "feature_lanes": 36, "result_lanes": 4, "elements": 4},
    {"token_lanes": 8, "feature_lanes": 8, "result_lanes": 8, "elements": 8},
]


def logits(result: RunResult) -> list[int]:
    found: list[int] = result.outputs[OUTPUT].view(np.int64).tolist()
    return found


def check_images(machine: CompiledMachine, runs: MachineRuns, count: int, seed: int = 1) -> None:
    for pixels in runs.model.images(count, seed):
        result = machine.run(runs.run(runs.packets(pixels)))
        assert (result.error, result.flags["stream_errors"]) == ("none", ())
        assert logits(result) == runs.expected(pixels).tolist()


@pytest.fixture(scope="module")
def csim() -> Iterator[CompiledMachine]:
    machine = CompiledMachine(build_csim_library(RUNS.source))
    yield machine
    machine.close()


@pytest.mark.csim
def test_logits_are_those_of_the_golden_model(csim: CompiledMachine) -> None:
    assert csim.simulation == "csim"
    check_images(csim, RUNS, 20)


@pytest.mark.csim
def test_a_smaller_model_on_the_same_machine(csim: CompiledMachine) -> None:
    """Fewer channels, heads, tokens, blocks and classes than the machine has room for."""
    for shape in (
        VisionShape(4, 2, 2, dim=10, heads=2, layers=1, hidden=9, classes=2),
        VisionShape(2, 2, 1, dim=2, heads=1, layers=1, hidden=2, classes=2),
        VisionShape(6, 2, 3, dim=12, heads=1, layers=2, hidden=13, classes=4),
    ):
        check_images(csim, MachineRuns(RandomModel(shape, seed=5), RUNS.config), 3)


@pytest.mark.csim
@pytest.mark.parametrize("stream", INPUTS)
def test_packets_of_a_wrong_length_are_reported_and_left_behind(
    csim: CompiledMachine, stream: str
) -> None:
    pixels = RUNS.model.images(1, 2)[0]
    packets = RUNS.packets(pixels)
    words = getattr(packets, stream)
    longer = dataclasses.replace(packets, **{stream: np.append(words, words[-1:])})
    for name, wrong in (
        ("early", dataclasses.replace(packets, **{stream: words[:-1]})),
        ("early", dataclasses.replace(packets, **{stream: words[:1]})),
        ("late", longer),
    ):
        result = csim.run(RUNS.run(wrong))
        assert result.error == "stream_length"
        assert f"{stream}_{name}" in result.flags["stream_errors"]
        check_images(csim, RUNS, 1)


def record(packets: ImagePackets, index: int, word: int, value: int) -> ImagePackets:
    """Packets whose program has one word of a record replaced."""
    program = packets.program.copy()
    program[RECORD_WORDS * index + word] = value
    return dataclasses.replace(packets, program=program)


@pytest.mark.csim
def test_bad_records_end_the_run(csim: CompiledMachine) -> None:
    """The first bad record is reported, whatever of the run is done or not, and nothing hangs."""
    pixels = RUNS.model.images(1, 2)[0]
    packets = RUNS.packets(pixels)
    program = packets.program.reshape(-1, RECORD_WORDS)
    for index in range(len(program)):
        head, sizes = int(program[index, 0]), int(program[index, 1])
        cases = [
            ("unknown_operation", 0, head ^ 1),
            ("unknown_operation", 0, head | 0xFF0000),
            ("operation_out_of_order", 0, head + (1 << 48)),
            ("shape_too_large", 0, head | 0xFFFF << 32),
            ("shape_too_large", 1, sizes | 0xFFFF),
            ("shape_too_large", 1, 0),
            ("invalid_field", 2, 1 << 31),
            ("invalid_field", 3, 64 << 32),
            ("invalid_field", 4, 1 << 31 | int(program[index, 4])),
        ]
        for error, word, value in cases:
            result = csim.run(RUNS.run(record(packets, index, word, value)))
            assert (index, word, value, result.error) == (index, word, value, error)
            assert logits(result)[:1] == [0]
    check_images(csim, RUNS, 1)


@pytest.mark.csim
def test_broken_runs_are_noticed_and_leave_nothing_behind(csim: CompiledMachine) -> None:
    outcomes = Counter(malformed_runs(csim, RUNS, 55, np.random.default_rng(7)))
    assert set(outcomes) == {
        *(code.name.lower() for code in ErrorCode if code is not ErrorCode.NONE),
        "reset",
    }


@pytest.mark.csim
def test_the_backend_gives_logits_and_says_what_went_wrong(csim: CompiledMachine) -> None:
    backend = MachineVisionBackend("csim", RUNS.parameters, csim, RUNS.config)
    pixels = RUNS.model.images(2, 4)
    expected = np.stack([RUNS.expected(image) for image in pixels])
    assert np.array_equal(backend.logits(pixels), expected)
    with pytest.raises(ConfigurationError, match="images are uint8"):
        backend.logits(pixels[:, 1:])
    with pytest.raises(ConfigurationError, match="build it from this configuration"):
        MachineVisionBackend("csim", RUNS.parameters, csim, tiny_runs().config)


@pytest.mark.slow
@pytest.mark.csim
@pytest.mark.parametrize("lanes", OTHER_LANES)
def test_other_lanes(lanes: dict[str, int]) -> None:
    runs = small_runs(**lanes)
    machine = CompiledMachine(build_csim_library(runs.source))
    check_images(machine, runs, 10)
    machine.close()


@pytest.mark.slow
@pytest.mark.csim
def test_other_widths() -> None:
    model = RandomModel(
        RUNS.model.shape, seed=4, widths=VisionWidths(activation=6, residual=12, probability=10)
    )
    runs = MachineRuns(model, dataclasses.replace(RUNS.config, widths=model.widths))
    machine = CompiledMachine(build_csim_library(runs.source))
    check_images(machine, runs, 10)
    machine.close()


def check_measurement(machine: CompiledMachine, runs: MachineRuns) -> None:
    """Operations take the time of the image, and the array a beat for every product."""
    pixels = runs.model.images(1, 1)[0]
    cycles = machine.run(runs.run(runs.packets(pixels))).counters["cycles"]
    measured = measure_operations(machine, runs.parameters, runs.config, pixels)
    found = [operation for step in measured for operation in step.operations]
    assert found == list(operations(runs.model.shape))
    total = image_counts(measured, layers=1)
    assert abs(total["cycles"] - cycles) < 0.05 * cycles
    lines = cycle_lines(measured, 12, clock_mhz=125)
    for word in (*(step.name for step in measured), *PARTS, *ARRAY_CYCLES):
        assert any(line.strip().startswith(word) for line in lines), word
    assert sum(image_parts(measured, 1).values()) == total["cycles"]
    lanes = runs.config.token_lanes * runs.config.feature_lanes
    multiply_adds = sum(item.multiply_adds for item in operations(runs.model.shape))
    assert total["array_beats"] * lanes >= multiply_adds
    assert all(step.counts["cycles"] > 0 for step in measured)


@pytest.mark.csim
def test_a_simulation_without_cycles_cannot_be_measured(csim: CompiledMachine) -> None:
    pixels = RUNS.model.images(1, 1)[0]
    with pytest.raises(TritforgeError, match="has no cycles"):
        measure_operations(csim, RUNS.parameters, RUNS.config, pixels)


@pytest.mark.slow
@pytest.mark.cosim
def test_rtl_of_the_smallest_model() -> None:
    """Also where every stream is held back now and then."""
    runs = tiny_runs()
    machine = CompiledMachine(build_rtl_library(runs.source))
    check_images(machine, runs, 3)
    check_measurement(machine, runs)
    generator = np.random.default_rng(8)
    assert len(list(stall_runs(machine, runs, 20, generator))) == 20
    assert "reset" in Counter(malformed_runs(machine, runs, 60, generator))
    machine.close()
