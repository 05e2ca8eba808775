# SPDX-License-Identifier: Apache-2.0
"""The AXI edges of a machine under cocotb; a fault in its top must make the bench fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.machine.rtl import build_machine_rtl
from tests.codegen.machine.toy_machine import NETWORK, toy_source
from tests.proof.rtl.simulation import run_bench

pytestmark = pytest.mark.cosim

TESTS = 6


def test_machine(tmp_path: Path) -> None:
    files = build_machine_rtl(toy_source()).files
    assert run_bench(tmp_path, NETWORK.name, "machine", files) == (TESTS, 0)


#: Text of the generated top, fault that replaces it.
FAULTS = [
    ("if (control_start && !busy) begin", "if (control_start) begin"),
    ("error_code <= results_tdata[7:0];", "error_code <= '0;"),
    ("{s_axis_left_tlast, s_axis_left_tdata}", "{s_axis_setup_tlast, s_axis_left_tdata}"),
    ("if (rst || control_reset) begin", "if (rst) begin"),
    ("echo_bit_0_set = result_comes", "echo_bit_0_set = results_tvalid && !busy"),
    ("assign status_done_set = result_comes;", "assign status_done_set = control_start;"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), FAULTS)
def test_bench_notices(tmp_path: Path, old: str, new: str) -> None:
    files = dict(build_machine_rtl(toy_source()).files)
    name = f"{NETWORK.name}.sv"
    assert files[name].count(old) == 1
    files[name] = files[name].replace(old, new)
    assert run_bench(tmp_path, NETWORK.name, "machine", files)[1] > 0
