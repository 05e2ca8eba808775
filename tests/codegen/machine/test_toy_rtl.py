# SPDX-License-Identifier: Apache-2.0
"""What only Verilated machines have: stalls, memory, registers, counters, soft reset, waveforms."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from codegen.machine.rtl import build_machine_rtl
from codegen.machine.rtl_library import build_rtl_library_of, memory_values
from codegen.openhls.connection import Connection
from codegen.openhls.errors import InterfaceError
from tests.codegen.machine.library import (
    BAD_ARGUMENT,
    NO_PROGRESS,
    OK,
    STREAMS,
    UNSUPPORTED,
    Counters,
    Disturbance,
    FifoCounters,
    Machine,
    Memory,
    opened,
)
from tests.codegen.machine.test_toy_machine import check, run_case
from tests.codegen.machine.toy_machine import CONFIG, NETWORK, toy_case, toy_source
from tritforge.language_model.control_registers import ARRAY_EVENTS, control_registers

pytestmark = pytest.mark.cosim

REGISTERS = control_registers(CONFIG)
UNLIMITED = Memory(bytes_per_cycle=0, burst_words=1, outstanding=1)
USED = ("weights_0", "weights_1", "parameters", "input", "output")


@pytest.fixture(scope="module")
def library() -> Path:
    return build_rtl_library_of(toy_source())


@pytest.fixture
def machine(library: Path) -> Iterator[Machine]:
    with opened(library) as machine:
        yield machine


def read(machine: Machine, register: str) -> int:
    value, response = ctypes.c_uint64(), ctypes.c_uint64()
    offset = ctypes.c_uint64(REGISTERS.register(register).offset)
    pointers = (ctypes.byref(value), ctypes.byref(response))
    assert machine.call("read_register", offset, *pointers) == OK
    assert response.value == 0
    return value.value


def write(machine: Machine, register: str, field: str, value: int = 1) -> None:
    (found,) = (item for item in REGISTERS.register(register).fields if item.name == field)
    response = ctypes.c_uint64()
    offset = ctypes.c_uint64(REGISTERS.register(register).offset)
    word = ctypes.c_uint64(value << found.low)
    assert machine.call("write_register", offset, word, ctypes.byref(response)) == OK
    assert response.value == 0


@pytest.mark.parametrize("seed", range(10))
def test_random_stalls_change_no_word(machine: Machine, seed: int) -> None:
    random = Random(seed)
    for index in range(10):
        stalls = {name: random.choice([0, 20, 50, 90]) for name in USED}
        case = toy_case(100 * seed + index, random.randint(1, 200))
        check(machine, case, Disturbance(stall_percent=stalls, seed=seed))


def test_stalls_cost_cycles(machine: Machine) -> None:
    machine.call("set_memory", ctypes.byref(UNLIMITED))
    case = toy_case(1, 1000)
    quick = check(machine, case).counters.cycles
    slow = check(machine, case, Disturbance(stall_percent={"output": 75})).counters.cycles
    assert 1000 <= quick < 1100
    assert 3500 < slow < 4500


@pytest.mark.parametrize("cycle", [1, 30, 77, 150, 299])
def test_soft_reset_in_the_middle_of_a_run(machine: Machine, cycle: int) -> None:
    case = toy_case(2, 300)
    outcome = run_case(machine, case, Disturbance(reset_cycle=cycle))
    assert (outcome.code, outcome.message) == (NO_PROGRESS, "the run was reset")
    check(machine, case)


def test_memory_of_the_board(machine: Machine) -> None:
    memory = Memory()
    assert machine.call("get_memory", ctypes.byref(memory)) == OK
    found = {name: getattr(memory, name) for name, _ in Memory._fields_}
    assert found == memory_values(CONFIG.board_data)
    board = CONFIG.board_data
    per_second = memory.bytes_per_cycle * board.clock_mhz * 1e6
    assert per_second == pytest.approx(0.97 * board.memory.peak_bytes_per_second)


@pytest.mark.parametrize(
    "change", [{"burst_words": 0}, {"outstanding": 65}, {"refresh_cycles": 975}]
)
def test_impossible_memories_are_refused(machine: Machine, change: dict[str, int]) -> None:
    memory = Memory(**{**memory_values(CONFIG.board_data), **change})
    assert machine.call("set_memory", ctypes.byref(memory)) == BAD_ARGUMENT


@pytest.mark.parametrize("rate", [2.0, 5.0, 12.5])
def test_bandwidth_is_what_the_memory_offers(machine: Machine, rate: float) -> None:
    """A run that waits for the memory takes as long as the memory needs for its bytes."""
    memory = Memory(**{**memory_values(CONFIG.board_data), "bytes_per_cycle": rate})
    assert machine.call("set_memory", ctypes.byref(memory)) == OK
    outcome = check(machine, toy_case(3, 3000))
    counters = outcome.counters
    assert counters.memory_bytes == 8 * (4 * 3000 + 5)
    assert counters.cycles == pytest.approx(counters.memory_bytes / rate, rel=0.02)
    refreshes = counters.cycles / memory.refresh_interval
    assert counters.memory_refresh_cycles / memory.refresh_cycles == pytest.approx(refreshes, abs=1)


def test_latency_delays_the_first_word(machine: Machine) -> None:
    cycles = {}
    for latency in (0, 100):
        memory = Memory(100.0, latency, 16, 8, 0, 0)
        assert machine.call("set_memory", ctypes.byref(memory)) == OK
        cycles[latency] = check(machine, toy_case(4, 100)).counters.cycles
    # Requests go out while the registers are written, some cycles before the run starts.
    assert 90 <= cycles[100] - cycles[0] <= 100


def test_few_short_bursts_do_not_hide_latency(machine: Machine) -> None:
    """One word in flight: every word costs the latency."""
    memory = Memory(100.0, 20, 1, 1, 0, 0)
    assert machine.call("set_memory", ctypes.byref(memory)) == OK
    assert 21 * 100 <= check(machine, toy_case(5, 100)).counters.cycles < 23 * 100


def test_counters_say_where_cycles_went(machine: Machine) -> None:
    rows = 500
    counters = check(machine, toy_case(6, rows)).counters
    events = {name: getattr(counters, name) for name in ARRAY_EVENTS}
    assert sum(events.values()) == counters.cycles
    assert counters.array_beats == rows
    for name, found in zip(STREAMS, counters.streams):
        expected = {"parameters": 5, "weights_2": 0, "weights_3": 0}.get(name, rows)
        assert found.words == expected
        assert found.memory_stalls + found.machine_stalls + found.words <= counters.cycles + 2
    assert read(machine, "cycles") == counters.cycles
    # The register counts to the end of the run, the memory model to the last word.
    stalls = read(machine, "stall_weights_0")
    assert counters.streams[0].memory_stalls <= stalls <= counters.cycles


def test_starved_stream_is_blamed(machine: Machine) -> None:
    machine.call("set_memory", ctypes.byref(UNLIMITED))
    case = toy_case(7, 500)
    for stream, event in (("weights_0", "array_no_weights"), ("weights_1", "array_no_codes")):
        counters = check(machine, case, Disturbance(stall_percent={stream: 80})).counters
        assert getattr(counters, event) > 0.6 * counters.cycles
        assert counters.streams[STREAMS.index(stream)].memory_stalls > 0.6 * counters.cycles
    counters = check(machine, case, Disturbance(stall_percent={"output": 80})).counters
    assert counters.array_blocked > 0.6 * counters.cycles


def test_fifo_counters(machine: Machine) -> None:
    rows = 200
    cycles = check(machine, toy_case(8, rows)).counters.cycles
    name, counters = ctypes.c_char_p(), FifoCounters()
    found = {}
    index = 0
    while machine.call("fifo", index, ctypes.byref(name), ctypes.byref(counters)) == OK:
        assert name.value is not None
        found[name.value.decode()] = counters.words
        assert counters.empty_cycles + counters.waiting_cycles + counters.words >= cycles
        index += 1
    assert index == len(NETWORK.connections) + len(NETWORK.edges)
    assert found["emitter_sums"] == found["adder_port_0"] == found["output"] == rows
    assert found["control_parameters"] == 5
    assert found["adder_headers"] == found["results"] == found["control_commands"] == 1


def test_run_by_registers(machine: Machine) -> None:
    """The parts of a run, as a processor with DMA engines does them."""
    case = toy_case(9, 40)
    assert read(machine, "identification") == int.from_bytes(b"TRFG", "big")
    assert read(machine, "configuration_low") == int(CONFIG.fingerprint()[8:], 16)
    assert read(machine, "status") & 1 == 1
    fields = {"prefill": 1, "all_logits": 1, "fresh": 1, "hold": 1}
    low = 0
    word = 0
    for bits in fields.values():
        word |= (case.command >> low & ((1 << bits) - 1)) << low
        low += bits
    response = ctypes.c_uint64()
    offset = REGISTERS.register("command").offset
    machine.call(
        "write_register", ctypes.c_uint64(offset), ctypes.c_uint64(word), ctypes.byref(response)
    )
    output = (ctypes.c_uint64 * 64)()
    assert machine.call("receive", output, ctypes.c_uint64(64)) == OK
    write(machine, "control", "start")
    write(machine, "control", "start")  # ignored: a run is in progress
    assert read(machine, "status") & 1 == 0
    packets = dict(zip(("weights_0", "weights_1"), case.weights))
    packets |= {"parameters": case.parameters, "input": case.given}
    arrays = {name: (ctypes.c_uint64 * len(words))(*words) for name, words in packets.items()}
    for name, words in arrays.items():
        stream = ctypes.c_uint64(STREAMS.index(name))
        assert machine.call("send", stream, words, ctypes.c_uint64(len(words))) == OK
        assert machine.call("advance", ctypes.c_uint64(100)) == OK
    moved, ended = ctypes.c_uint64(), ctypes.c_uint64()
    stream = ctypes.c_uint64(STREAMS.index("output"))
    assert machine.call("progress", stream, ctypes.byref(moved), ctypes.byref(ended)) == OK
    assert (moved.value, ended.value) == (40, 1)
    assert list(output[:40]) == case.output
    status = read(machine, "status")
    assert (status & 1, status >> 1 & 1, status >> 8) == (1, 1, case.result & 0xFF)
    assert read(machine, "saturation") == case.result >> 8 & 0x7FFF
    assert read(machine, "stream_errors") == case.result >> 23
    write(machine, "status", "done")
    assert read(machine, "status") >> 1 & 1 == 0


def test_impossible_packets_are_refused(machine: Machine) -> None:
    words = (ctypes.c_uint64 * 1)()
    one = ctypes.c_uint64(1)
    for stream in (2, 6, 7):  # no such port, not an input, no such stream
        assert machine.call("send", ctypes.c_uint64(stream), words, one) == BAD_ARGUMENT


def test_waveform(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "toy.vcd"
    assert machine.call("trace", str(path).encode()) == UNSUPPORTED
    case = toy_case(10, 20)
    with opened(build_rtl_library_of(toy_source(), waveform=True)) as traced:
        assert traced.call("trace", str(path).encode()) == OK
        check(traced, case)
        assert traced.call("trace", None) == OK
        size = path.stat().st_size
        check(traced, case)
        assert path.stat().st_size == size
        assert traced.call("trace", b"/nowhere/at/all.vcd") == BAD_ARGUMENT
    text = path.read_text()
    assert "emitter_process" in text and "$enddefinitions" in text


def test_counters_of_the_interface_are_the_registers() -> None:
    names = {name for name, _ in Counters._fields_}
    assert set(ARRAY_EVENTS) | {"cycles"} <= names


def test_network_that_does_not_fit_the_rtl_is_refused() -> None:
    source = toy_source()
    wrong = Connection("adder", "status", "control", "emitter_status", 1)
    other = Connection("emitter", "status", "control", "adder_status", 1)
    network = dataclasses.replace(NETWORK, connections=(*NETWORK.connections[:3], wrong, other))
    with pytest.raises(InterfaceError, match=r"adder.status has 4 bits, control.emitter_status 2"):
        build_machine_rtl(dataclasses.replace(source, network=network))
