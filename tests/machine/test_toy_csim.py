# SPDX-License-Identifier: Apache-2.0
"""C-simulation of a whole machine: three processes in fibers behind the C interface."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from codegen.machine.csim_library import build_csim_library_of
from tests.machine.library import (
    LAST_NEVER,
    NO_PROGRESS,
    OK,
    OUTPUT_FULL,
    UNSUPPORTED,
    Disturbance,
    Machine,
    Outcome,
    opened,
)
from tests.machine.toy_machine import CONFIG, ToyCase, toy_case, toy_source

pytestmark = pytest.mark.csim


def run_case(machine: Machine, case: ToyCase, disturbance: Disturbance | None = None) -> Outcome:
    return machine.run(
        case.command, case.weights, case.parameters, case.given, disturbance=disturbance
    )


def check(machine: Machine, case: ToyCase) -> None:
    outcome = run_case(machine, case)
    assert (outcome.code, outcome.message) == (OK, "")
    assert outcome.output == case.output
    assert outcome.result == case.result


@pytest.fixture(scope="module")
def library() -> Path:
    return build_csim_library_of(toy_source())


@pytest.fixture
def machine(library: Path) -> Iterator[Machine]:
    with opened(library) as machine:
        yield machine


def test_what_it_is(machine: Machine) -> None:
    assert machine.text("fingerprint") == CONFIG.fingerprint()
    assert machine.text("kind") == "csim"
    assert machine.library.tritforge_abi_version() == 1
    assert not machine.library.tritforge_open()  # it is open already
    assert machine.call("advance", 1) == UNSUPPORTED


@pytest.mark.parametrize("rows", [1, 2, 15, 16, 17, 1000])
def test_runs_follow_each_other(machine: Machine, rows: int) -> None:
    for seed in range(3):
        check(machine, toy_case(seed, rows))


@pytest.mark.parametrize("stream", ["weights_0", "weights_1", "input"])
@pytest.mark.parametrize("length", [1, 40, 49, 51, 300])
def test_packets_of_a_wrong_length(machine: Machine, stream: str, length: int) -> None:
    """Short ones are filled up, long ones dropped, both are reported; the next run is clean."""
    case = toy_case(3, 50, {stream: length})
    if stream != "input":  # the interface has one length for all ports: TLAST makes the difference
        disturbance = Disturbance(words={stream: length}, last_word={stream: length - 1})
        longest = max(length, 50)
        padded = tuple([*words, *[0] * (longest - len(words))] for words in case.weights)
        case = dataclasses.replace(case, weights=padded)
        for name in {"weights_0", "weights_1"} - {stream}:
            disturbance.words[name] = 50
            disturbance.last_word[name] = 49
    else:
        disturbance = Disturbance()
    outcome = run_case(machine, case, disturbance)
    assert (outcome.code, outcome.output, outcome.result) == (OK, case.output, case.result)
    check(machine, toy_case(4, 20))


@pytest.mark.parametrize("stream", ["weights_0", "weights_1", "input", "parameters"])
def test_deadlock_is_reported_and_left(machine: Machine, stream: str) -> None:
    case = toy_case(5, 50)
    check(machine, case)
    words = {"parameters": 5}.get(stream, 50)
    outcome = run_case(
        machine, case, Disturbance(last_word={stream: LAST_NEVER}, words={stream: words - 1})
    )
    assert outcome.code == NO_PROGRESS
    assert "the test bench waits for 'control_results'" in outcome.message
    process = {"input": "emitter_input", "parameters": "control_parameters"}.get(
        stream, f"adder_port_{stream[-1]}"
    )
    assert f"waits to read '{process}', which is empty" in outcome.message
    check(machine, toy_case(6, 40))


def test_reset_forgets_what_is_left(machine: Machine) -> None:
    case = toy_case(7, 50)
    # The packets end in the middle; what is behind waits for the next run.
    run_case(machine, case, Disturbance(last_word={"weights_0": 10, "input": 20}))
    assert machine.call("reset") == OK
    check(machine, case)


def test_output_that_does_not_fit(machine: Machine) -> None:
    case = toy_case(8, 50)
    outcome = machine.run(case.command, case.weights, case.parameters, case.given, capacity=49)
    assert outcome.code == OUTPUT_FULL
    assert "50 words, room is for 49" in outcome.message
    assert outcome.output == case.output[:49]
    check(machine, case)
