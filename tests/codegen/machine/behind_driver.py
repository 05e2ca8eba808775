# SPDX-License-Identifier: Apache-2.0
"""Building small machines of both kinds, and comparing what the toy gives with what it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.machine.csim_library import build_csim_library
from codegen.machine.rtl_library import build_rtl_library
from codegen.machine.source import MachineSource
from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.devices.device import Disturbance, RunResult
from tests.codegen.machine.toy_machine import OUTPUT, ToyCase

KINDS = [
    pytest.param("csim", marks=pytest.mark.csim),
    pytest.param("rtl", marks=pytest.mark.cosim),
]


def build(kind: str, source: MachineSource) -> Path:
    return {"csim": build_csim_library, "rtl": build_rtl_library}[kind](source)


def check(
    machine: CompiledMachine, case: ToyCase, disturbance: Disturbance | None = None
) -> RunResult:
    result = machine.run(case.run(disturbance))
    assert result.outputs[OUTPUT].tolist() == case.output
    assert result.error == case.error
    assert result.flags == case.flag_names()
    return result
