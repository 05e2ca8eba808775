# SPDX-License-Identifier: Apache-2.0
"""Top and driver around the IP of Vitis HLS, for which a stand-in with its ports is used.

Vitis HLS itself has not run on these sources: the stand-in has the ports that its documents
promise, and the open flow's core inside.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from codegen.machine.rtl import build_machine_rtl
from codegen.machine.rtl_library import simulate_rtl
from codegen.machine.top import render_vitis_core
from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.devices.device import Disturbance, NoProgressError
from tests.codegen.machine.behind_driver import check
from tests.codegen.machine.toy_machine import INTERFACE, NETWORK, OUTPUT, toy_case, toy_source
from tests.codegen.machine.vitis_ip import vitis_ip

pytestmark = pytest.mark.cosim
(ADDER,) = INTERFACE.activities


@pytest.fixture(scope="module")
def machine() -> Iterator[CompiledMachine]:
    source = toy_source()
    rtl = build_machine_rtl(source)
    inner, core = "open_flow_core", f"{NETWORK.core_name}.sv"
    module = f"module {NETWORK.core_name} ("
    files = {
        **rtl.files,
        f"{inner}.sv": rtl.files[core].replace(module, f"module {inner} ("),
        f"{NETWORK.tasks_name}.sv": vitis_ip(NETWORK, INTERFACE, inner),
        core: render_vitis_core(NETWORK, INTERFACE),
    }
    machine = CompiledMachine(simulate_rtl(source, dataclasses.replace(rtl, files=files)))
    yield machine
    machine.close()


@pytest.mark.parametrize("seed", range(10))
def test_runs_with_stalls(machine: CompiledMachine, seed: int) -> None:
    stalls = dict.fromkeys(("left", "setup", "offsets", OUTPUT), 10 * (seed % 5))
    check(machine, toy_case(seed, 1 + 17 * seed), Disturbance(stall_percent=stalls, seed=seed))


def test_wrong_lengths_and_resets(machine: CompiledMachine) -> None:
    check(machine, toy_case(1, 20, {"right": 3, "offsets": 40}))
    with pytest.raises(NoProgressError):
        machine.run(toy_case(2, 200).run(Disturbance(reset_cycle=90)))
    check(machine, toy_case(3, 20))
    with pytest.raises(NoProgressError):
        machine.run(toy_case(4, 20).run(Disturbance(last_word={"left": None})))
    check(machine, toy_case(5, 20))


def test_what_cannot_be_seen_is_not_counted(machine: CompiledMachine) -> None:
    counters = check(machine, toy_case(6, 100)).counters
    assert machine.read_register("status") & 0b100 == 0
    assert counters["cycles"] > 100 and counters["left_words"] == 100
    assert not any(counters[name] for name in ADDER.counters)
