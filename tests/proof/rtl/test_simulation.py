# SPDX-License-Identifier: Apache-2.0
"""cocotb with cocotbext-axi over Verilator; a faulty module must make its bench fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.register_file import render_register_file
from testing.faults import rtl_library
from testing.faults.rtl_library import RtlFault
from testing.rtl_modules import sources_of, with_fault
from tests.proof.rtl.benches.register_map import MAP
from tests.proof.rtl.simulation import run_bench

pytestmark = pytest.mark.cosim

BENCHES = Path(__file__).parent / "benches"
STREAM_MODULES = ("skid_buffer", "fifo", "width_adapter", "axi_stream_sink", "axi_stream_source")


def stream_sources() -> dict[str, str]:
    texts = {"streams.sv": (BENCHES / "streams.sv").read_text(encoding="utf-8")}
    for module in STREAM_MODULES:
        texts.update(sources_of(module))
    return texts


def test_streams(tmp_path: Path) -> None:
    count, failed = run_bench(tmp_path, "streams", "streams", stream_sources())
    assert (count, failed) == (18, 0)


def register_sources() -> dict[str, str]:
    name = f"{MAP.name}.sv"
    return {**sources_of("axi_lite_registers"), name: render_register_file(MAP)[name]}


def test_registers(tmp_path: Path) -> None:
    count, failed = run_bench(tmp_path, MAP.name, "registers", register_sources())
    assert (count, failed) == (9, 0)


STREAM_FAULTS = [item for item in rtl_library.FAULTS if item.simulated]
#: Text of the generated register file, fault that replaces it.
REGISTER_FAULTS = [
    ("& ~write_mask[17:6] | ones[17:6]", "& ~write_mask[17:6] | write_data[17:6]"),
    ("? ones[25:20] : '0) | state_flags_set", "? ones[25:20] : '0)"),
    ("&& busy_count != '1)", ")"),
    ("default: mapped_for_write = 1'b0", "default: mapped_for_write = 1'b1"),
    ("command_mode <= 8'h5a", "command_mode <= 8'h00"),
]


@pytest.mark.slow
@pytest.mark.parametrize("fault", STREAM_FAULTS, ids=lambda fault: f"{fault.module}_{fault.name}")
def test_stream_bench_notices(tmp_path: Path, fault: RtlFault) -> None:
    sources = {**stream_sources(), **with_fault(fault)}
    assert run_bench(tmp_path, "streams", "streams", sources)[1] > 0


@pytest.mark.parametrize(("old", "new"), REGISTER_FAULTS)
def test_register_faults_fit_the_generated_file(old: str, new: str) -> None:
    assert old != new
    assert register_sources()[f"{MAP.name}.sv"].count(old) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), REGISTER_FAULTS)
def test_register_bench_notices(tmp_path: Path, old: str, new: str) -> None:
    sources = register_sources()
    sources[f"{MAP.name}.sv"] = sources[f"{MAP.name}.sv"].replace(old, new)
    assert run_bench(tmp_path, MAP.name, "registers", sources)[1] > 0
