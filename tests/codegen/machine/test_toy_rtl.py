# SPDX-License-Identifier: Apache-2.0
"""What only a Verilated machine has: cycles, memory, counters, waveforms, resets in mid-run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from random import Random

import numpy as np
import pytest

from codegen.machine.rtl import build_machine_rtl
from codegen.machine.rtl_library import build_rtl_library
from codegen.openhls.connection import Connection
from codegen.openhls.errors import InterfaceError
from pynq_driver.devices.compiled import CompiledMachine, MemoryModel
from pynq_driver.devices.device import Disturbance, NoProgressError
from tests.codegen.machine.behind_driver import check
from tests.codegen.machine.small_machine import BOARD
from tests.codegen.machine.toy_machine import (
    INPUTS,
    INTERFACE,
    NETWORK,
    OUTPUT,
    toy_case,
    toy_source,
)
from tritforge.boards import memory_values
from tritforge.errors import TritforgeError

pytestmark = pytest.mark.cosim

UNLIMITED = MemoryModel(0, 0, 1, 1, 0, 0)
STREAMS = (*INPUTS, OUTPUT)
(ADDER,) = INTERFACE.activities


@pytest.fixture(scope="module")
def library() -> Path:
    return build_rtl_library(toy_source())


@pytest.mark.parametrize("seed", range(10))
def test_random_stalls_change_no_word(machine: CompiledMachine, seed: int) -> None:
    random = Random(seed)
    for index in range(10):
        stalls = {name: random.choice([0, 20, 50, 90]) for name in STREAMS}
        case = toy_case(100 * seed + index, random.randint(1, 200))
        check(machine, case, Disturbance(stall_percent=stalls, seed=seed))


def test_stalls_cost_cycles(machine: CompiledMachine) -> None:
    machine.memory = UNLIMITED
    case = toy_case(1, 1000)
    quick = check(machine, case).counters["cycles"]
    slow = check(machine, case, Disturbance(stall_percent={OUTPUT: 75})).counters["cycles"]
    assert 1000 <= quick < 1100
    assert 3500 < slow < 4500
    assert check(machine, case).counters["cycles"] == quick, "stalls end with their run"


@pytest.mark.parametrize("cycle", [1, 30, 77, 150, 299])
def test_soft_reset_in_the_middle_of_a_run(machine: CompiledMachine, cycle: int) -> None:
    case = toy_case(2, 300)
    with pytest.raises(NoProgressError, match="the run was reset"):
        machine.run(case.run(Disturbance(reset_cycle=cycle)))
    check(machine, case)


def test_memory_of_the_board(machine: CompiledMachine) -> None:
    assert dataclasses.asdict(machine.memory) == memory_values(BOARD)
    per_second = machine.memory.bytes_per_cycle * BOARD.clock_mhz * 1e6
    assert per_second == pytest.approx(0.97 * BOARD.memory.peak_bytes_per_second)


@pytest.mark.parametrize(
    "change", [{"burst_words": 0}, {"outstanding": 65}, {"refresh_cycles": 975}]
)
def test_impossible_memories_are_refused(machine: CompiledMachine, change: dict[str, int]) -> None:
    with pytest.raises(TritforgeError, match="impossible memory"):
        machine.memory = dataclasses.replace(machine.memory, **change)


@pytest.mark.parametrize("rate", [2.0, 5.0, 12.5])
def test_bandwidth_is_what_the_memory_offers(machine: CompiledMachine, rate: float) -> None:
    """A run that waits for the memory takes as long as the memory needs for its bytes."""
    machine.memory = memory = dataclasses.replace(machine.memory, bytes_per_cycle=rate)
    counters = check(machine, toy_case(3, 3000)).counters
    assert counters["memory_bytes"] == 8 * (4 * 3000 + 5)
    assert counters["cycles"] == pytest.approx(counters["memory_bytes"] / rate, rel=0.02)
    refreshes = counters["cycles"] / memory.refresh_interval
    found = counters["memory_refresh_cycles"] / memory.refresh_cycles
    assert found == pytest.approx(refreshes, abs=1)


def test_latency_delays_the_first_word(machine: CompiledMachine) -> None:
    cycles = {}
    for latency in (0, 100):
        machine.memory = MemoryModel(100.0, latency, 16, 8, 0, 0)
        cycles[latency] = check(machine, toy_case(4, 100)).counters["cycles"]
    # Requests go out while the registers are written, some cycles before the run starts.
    assert 90 <= cycles[100] - cycles[0] <= 100


def test_few_short_bursts_do_not_hide_latency(machine: CompiledMachine) -> None:
    """One word in flight: every word costs the latency."""
    machine.memory = MemoryModel(100.0, 20, 1, 1, 0, 0)
    assert 21 * 100 <= check(machine, toy_case(5, 100)).counters["cycles"] < 23 * 100


def test_counters_say_where_cycles_went(machine: CompiledMachine) -> None:
    rows = 500
    counters = check(machine, toy_case(6, rows)).counters
    assert sum(counters[name] for name in ADDER.counters) == counters["cycles"]
    assert counters["adder_beats"] == rows
    for name in STREAMS:
        assert counters[f"{name}_words"] == (5 if name == "setup" else rows)
        counted = ("words", "memory_stalls", "machine_stalls")
        total = sum(counters[f"{name}_{what}"] for what in counted)
        assert total <= counters["cycles"] + 2
    # The register counts to the end of the run, the memory model to the last word.
    stalls = counters["stall_left"]
    assert counters["left_memory_stalls"] <= stalls <= counters["cycles"]
    assert machine.read_register("status") & 0b100, "activities are counted"


def test_starved_stream_is_blamed(machine: CompiledMachine) -> None:
    machine.memory = UNLIMITED
    case = toy_case(7, 500)
    for stream in ADDER.inputs:
        counters = check(machine, case, Disturbance(stall_percent={stream: 80})).counters
        assert counters[f"adder_no_{stream}"] > 0.6 * counters["cycles"]
        assert counters[f"{stream}_memory_stalls"] > 0.6 * counters["cycles"]
    counters = check(machine, case, Disturbance(stall_percent={OUTPUT: 80})).counters
    assert counters["adder_blocked"] > 0.6 * counters["cycles"]


def test_fifo_counters(machine: CompiledMachine) -> None:
    rows = 200
    cycles = check(machine, toy_case(8, rows)).counters["cycles"]
    fifos = machine.fifos()
    assert len(fifos) == len(NETWORK.connections) + len(NETWORK.edges)
    for counters in fifos.values():
        total = sum(counters[name] for name in ("empty_cycles", "waiting_cycles", "words"))
        assert total >= cycles
    words = {name: counters["words"] for name, counters in fifos.items()}
    assert words["emitter_sums"] == words["adder_left"] == words[OUTPUT] == rows
    assert words["control_setup"] == 5
    assert words["adder_headers"] == words["results"] == words["control_commands"] == 1


def test_run_by_registers(machine: CompiledMachine) -> None:
    """The parts of a run, as a processor with DMA engines does them."""
    case = toy_case(9, 40)
    transport = machine.transport
    assert machine.read_register("identification") == int.from_bytes(b"TRFG", "big")
    assert machine.read_register("configuration_low") == int(INTERFACE.fingerprint[8:], 16)
    assert machine.read_register("status") & 1 == 1
    machine.write_register("command", case.command)
    output = np.zeros(64, np.uint64)
    transport.receive(OUTPUT, output)
    machine.write_register("control", 1)
    machine.write_register("control", 1)  # ignored: a run is in progress
    assert machine.read_register("status") & 1 == 0
    for name, words in case.run().inputs.items():
        transport.send(name, words, words.size - 1)
        transport.advance(100)
    assert transport.progress(OUTPUT) == (40, True)
    assert output[:40].tolist() == case.output
    status = machine.read_register("status")
    assert (status & 1, status >> 1 & 1, status >> 8) == (1, 1, 0)
    for group, value in case.flags.items():
        assert machine.read_register(group) == value
    machine.write_register("status", 2)
    assert machine.read_register("status") >> 1 & 1 == 0


def test_impossible_packets_are_refused(machine: CompiledMachine) -> None:
    words = np.ones(1, np.uint64)
    with pytest.raises(TritforgeError, match="stream 4 takes no packet"):
        machine.transport.send(OUTPUT, words, 0)
    with pytest.raises(TritforgeError, match="stream 0 sends no packet"):
        machine.transport.receive("left", words)


def test_waveform(machine: CompiledMachine, tmp_path: Path) -> None:
    path = tmp_path / "toy.vcd"
    with pytest.raises(TritforgeError, match="built without waveforms"):
        machine.trace(path)
    case = toy_case(10, 20)
    traced = CompiledMachine(build_rtl_library(toy_source(), waveform=True))
    traced.trace(path)
    check(traced, case)
    traced.trace(None)
    size = path.stat().st_size
    check(traced, case)
    assert path.stat().st_size == size
    with pytest.raises(TritforgeError, match="cannot write"):
        traced.trace(Path("/nowhere/at/all.vcd"))
    traced.close()
    text = path.read_text()
    assert "emitter_process" in text and "$enddefinitions" in text


def test_network_that_does_not_fit_the_rtl_is_refused() -> None:
    source = toy_source()
    wrong = Connection("adder", "status", "control", "emitter_status", 1)
    other = Connection("emitter", "status", "control", "adder_status", 1)
    network = dataclasses.replace(NETWORK, connections=(*NETWORK.connections[:3], wrong, other))
    with pytest.raises(InterfaceError, match=r"adder.status has 4 bits, control.emitter_status 2"):
        build_machine_rtl(dataclasses.replace(source, network=network))
