# SPDX-License-Identifier: Apache-2.0
"""Three processes behind the C interface: the same in C-simulation and in Verilated RTL."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from codegen.machine.csim_library import build_csim_library_of
from codegen.machine.rtl_library import build_rtl_library_of
from tests.codegen.machine.library import (
    LAST_NEVER,
    NO_PROGRESS,
    OK,
    OUTPUT_FULL,
    Disturbance,
    Machine,
    Outcome,
    opened,
)
from tests.codegen.machine.toy_machine import CONFIG, ToyCase, toy_case, toy_source

KINDS = [
    pytest.param("csim", marks=pytest.mark.csim),
    pytest.param("rtl", marks=pytest.mark.cosim),
]
INPUTS = ("weights_0", "weights_1", "input")


def run_case(machine: Machine, case: ToyCase, disturbance: Disturbance | None = None) -> Outcome:
    return machine.run(
        case.command, case.weights, case.parameters, case.given, disturbance=disturbance
    )


def check(machine: Machine, case: ToyCase, disturbance: Disturbance | None = None) -> Outcome:
    outcome = run_case(machine, case, disturbance)
    assert (outcome.code, outcome.message) == (OK, "")
    assert outcome.output == case.output
    assert outcome.result == case.result
    return outcome


@pytest.fixture(scope="module", params=KINDS)
def library(request: pytest.FixtureRequest) -> Path:
    build = {"csim": build_csim_library_of, "rtl": build_rtl_library_of}[request.param]
    return build(toy_source())


@pytest.fixture
def machine(library: Path) -> Iterator[Machine]:
    with opened(library) as machine:
        yield machine


def test_what_it_is(machine: Machine) -> None:
    assert machine.text("fingerprint") == CONFIG.fingerprint()
    assert machine.text("kind") in ("csim", "rtl")
    assert machine.library.tritforge_abi_version() == 1
    assert not machine.library.tritforge_open()  # it is open already


@pytest.mark.parametrize("rows", [1, 2, 15, 16, 17, 1000])
def test_runs_follow_each_other(machine: Machine, rows: int) -> None:
    for seed in range(3):
        check(machine, toy_case(seed, rows))


@pytest.mark.parametrize("stream", INPUTS)
@pytest.mark.parametrize("length", [1, 40, 49, 51, 300])
def test_packets_of_a_wrong_length(machine: Machine, stream: str, length: int) -> None:
    """Short ones are filled up, long ones dropped, both are reported; the next run is clean."""
    case = toy_case(3, 50, {stream: length})
    longest = max(map(len, case.weights))
    # The interface has one length for both ports: hooks say how much of an array is offered.
    padded = [[*words, *[0] * (longest - len(words))] for words in case.weights]
    words = {f"weights_{port}": len(words) for port, words in enumerate(case.weights)}
    disturbance = Disturbance(words=words, last_word={name: n - 1 for name, n in words.items()})
    check(machine, dataclasses.replace(case, weights=(padded[0], padded[1])), disturbance)
    check(machine, toy_case(4, 20))


@pytest.mark.parametrize("stream", [*INPUTS, "parameters"])
def test_a_packet_without_end_is_reported_and_left(machine: Machine, stream: str) -> None:
    case = toy_case(5, 50)
    check(machine, case)
    disturbance = Disturbance(last_word={stream: LAST_NEVER})
    outcome = run_case(machine, case, disturbance)
    assert outcome.code == NO_PROGRESS
    process = {"input": "emitter_input", "parameters": "control_parameters"}.get(
        stream, f"adder_port_{stream[-1]}"
    )
    if machine.text("kind") == "csim":
        assert "the test bench waits for 'control_results'" in outcome.message
        assert f"waits to read '{process}', which is empty" in outcome.message
    else:
        assert "no word moved for 20000 cycles" in outcome.message
        assert f"stream '{stream}' has moved" in outcome.message
        (line,) = (line for line in outcome.message.splitlines() if "TLAST" in line)
        assert stream in line
    check(machine, toy_case(6, 40))


def test_reset_forgets_what_is_left(machine: Machine) -> None:
    case = toy_case(7, 50)
    # The packets end in the middle; what is behind waits for the next run.
    outcome = run_case(machine, case, Disturbance(last_word={"weights_0": 10, "input": 20}))
    assert outcome.code == OK and outcome.result != case.result
    assert machine.call("reset") == OK
    check(machine, case)


def test_output_that_does_not_fit(machine: Machine) -> None:
    case = toy_case(8, 50)
    outcome = machine.run(case.command, case.weights, case.parameters, case.given, capacity=49)
    assert outcome.code == OUTPUT_FULL
    assert "50 words, room is for 49" in outcome.message
    assert outcome.output == case.output[:49]
    check(machine, case)
