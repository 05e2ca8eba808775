# SPDX-License-Identifier: Apache-2.0
"""Small machines behind the driver: the same in C-simulation and in Verilated RTL."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.devices.device import Disturbance, NoProgressError, Run
from tests.codegen.machine.behind_driver import KINDS, build, check
from tests.codegen.machine.pair_machine import OUTPUTS, pair_source
from tests.codegen.machine.pair_machine import interface as pair_interface
from tests.codegen.machine.toy_machine import (
    INTERFACE,
    ROW_INPUTS,
    toy_case,
)
from tritforge.errors import ConfigurationError, TritforgeError


def test_the_library_says_what_it_is(machine: CompiledMachine) -> None:
    assert machine.interface == INTERFACE
    assert machine.simulation in ("csim", "rtl")
    assert not machine.transport._library.tritforge_open()  # it is open already


@pytest.mark.parametrize("rows", [1, 2, 15, 16, 17, 1000])
def test_runs_follow_each_other(machine: CompiledMachine, rows: int) -> None:
    for seed in range(3):
        check(machine, toy_case(seed, rows))


@pytest.mark.parametrize("stream", ROW_INPUTS)
@pytest.mark.parametrize("length", [1, 40, 49, 51, 300])
def test_packets_of_a_wrong_length(machine: CompiledMachine, stream: str, length: int) -> None:
    """Short ones are filled up, long ones dropped, both are reported; the next run is clean."""
    assert check(machine, toy_case(3, 50, {stream: length})).error == "stream_length"
    assert check(machine, toy_case(4, 20)).error == "none"


@pytest.mark.parametrize("stream", [*ROW_INPUTS, "setup"])
def test_a_packet_without_end_is_reported_and_left(machine: CompiledMachine, stream: str) -> None:
    case = toy_case(5, 50)
    check(machine, case)
    with pytest.raises(NoProgressError) as stopped:
        machine.run(case.run(Disturbance(last_word={stream: None})))
    process = {"offsets": "emitter", "setup": "control"}.get(stream, "adder")
    message = str(stopped.value)
    if machine.simulation == "csim":
        assert "the test bench waits for 'results'" in message
        assert f"waits to read '{process}_{stream}', which is empty" in message
    else:
        assert "no word moved for 20000 cycles" in message
        (line,) = (line for line in message.splitlines() if "TLAST" in line)
        assert f"stream '{stream}' has moved" in line
    check(machine, toy_case(6, 40))


def test_reset_forgets_what_is_left(machine: CompiledMachine) -> None:
    case = toy_case(7, 50)
    # The packets end in the middle; what is behind waits for the next run.
    result = machine.run(case.run(Disturbance(last_word={"left": 10, "offsets": 20})))
    assert result.error == "stream_length"
    machine.reset()
    check(machine, case)


def test_output_that_does_not_fit(machine: CompiledMachine) -> None:
    case = toy_case(8, 50)
    with pytest.raises(TritforgeError, match="packet of sums has 50 words, room is for 49"):
        machine.run(case.run(room=49))
    check(machine, case)


def test_a_run_has_exactly_the_streams_of_the_machine(machine: CompiledMachine) -> None:
    run = toy_case(9, 5).run()
    less = {name: words for name, words in run.inputs.items() if name != "setup"}
    with pytest.raises(ConfigurationError, match=r"inputs \['left', 'offsets', 'right'\]"):
        machine.run(dataclasses.replace(run, inputs=less))
    with pytest.raises(ConfigurationError, match="outputs"):
        machine.run(dataclasses.replace(run, outputs={}))
    signed = {**run.inputs, "setup": run.inputs["setup"].astype(np.int64)}
    with pytest.raises(ConfigurationError, match="packet of setup must be contiguous uint64"):
        machine.run(dataclasses.replace(run, inputs=signed))


def test_a_closed_machine_says_so(library: Path) -> None:
    machine = CompiledMachine(library)
    machine.close()
    with pytest.raises(TritforgeError, match="is closed"):
        machine.run(toy_case(1, 5).run())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pair", OUTPUTS)
def test_other_machines_go_the_same_way(kind: str, pair: str) -> None:
    """Two streams in, one or two out: the same generator, library and driver."""
    machine = CompiledMachine(build(kind, pair_source(pair)))
    assert machine.interface == pair_interface(pair)
    generator = np.random.default_rng(1)
    for count in (1, 2, 50, 300):
        x, y = generator.integers(0, 1 << 64, (2, count), np.uint64)
        outputs = dict.fromkeys(OUTPUTS[pair], count)
        result = machine.run(Run(count, {"x": x, "y": y}, outputs))
        expected = {"sums": x + y, "differences": x - y}
        for name in OUTPUTS[pair]:
            assert np.array_equal(result.outputs[name], expected[name])
        assert (result.error, result.flags) == ("none", {"stream_errors": ()})
        early = Disturbance(last_word={"y": 0})
        if count > 1:
            result = machine.run(Run(count, {"x": x, "y": y}, outputs, early))
            assert (result.error, result.flags) == (
                "stream_length",
                {"stream_errors": ("y_wrong",)},
            )
    machine.close()
