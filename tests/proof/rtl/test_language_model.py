# SPDX-License-Identifier: Apache-2.0
"""The AXI edges of the whole machine: cocotb with cocotbext-axi over Verilator."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.machine.rtl import build_machine_rtl
from codegen.project import machine_source
from testing.tiny_accelerator import tiny_accelerator
from tests.proof.rtl.simulation import run_bench

pytestmark = pytest.mark.cosim


@pytest.mark.slow
def test_machine_over_axi(tmp_path: Path) -> None:
    machine = build_machine_rtl(machine_source(LanguageModelBlueprint(tiny_accelerator())))
    count, failed = run_bench(
        tmp_path, machine.network.name, "language_model", machine.files, "-O1"
    )
    assert (count, failed) == (8, 0)
