# SPDX-License-Identifier: Apache-2.0
"""cocotb with cocotbext-axi over Verilator; a faulty module must make its bench fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.register_file import render_register_file
from tests.proof.rtl.benches.register_map import MAP
from tests.proof.rtl.simulation import run_bench
from tests.proof.rtl.sources import sources_of, with_fault

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


#: Module, text in it, fault that replaces it.
STREAM_FAULTS = [
    ("axi_stream_sink", "s_axis_tkeep[i] ? s_axis_tdata[8*i+:8] : 8'd0", "s_axis_tdata[8*i+:8]"),
    ("axi_stream_sink", "!s_axis_tlast && !(&s_axis_tkeep)", "!(&s_axis_tkeep)"),
    ("axi_stream_source", "guarded_tlast ? guarded_tkeep : full", "guarded_tkeep"),
    ("axi_stream_source", "in_tlast ? in_tkeep : full", "full"),
    ("skid_buffer", "out_tdata <= saved_valid ? saved : in_tdata", "out_tdata <= in_tdata"),
    ("fifo", "if (put && !take) count <= count + 1'b1;", "if (put) count <= count + 1'b1;"),
    ("fifo", "pointer == POINTER_WIDTH'(DEPTH - 1) ? '0 :", "1'b0 ? '0 :"),
    ("width_adapter", "out_tlast = last && final_part", "out_tlast = last"),
    ("packet_guard", "state <= in_tlast ? FILL : INSIDE", "state <= INSIDE"),
]
REGISTER_FAULTS = [
    ("& ~write_mask[17:6] | ones[17:6]", "& ~write_mask[17:6] | write_data[17:6]"),
    ("? ones[25:20] : '0) | state_flags_set", "? ones[25:20] : '0)"),
    ("&& busy_count != '1)", ")"),
    ("default: mapped_for_write = 1'b0", "default: mapped_for_write = 1'b1"),
    ("command_mode <= 8'h5a", "command_mode <= 8'h00"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("module", "old", "new"), STREAM_FAULTS)
def test_stream_bench_notices(tmp_path: Path, module: str, old: str, new: str) -> None:
    sources = {**stream_sources(), **with_fault(module, old, new)}
    assert run_bench(tmp_path, "streams", "streams", sources)[1] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), REGISTER_FAULTS)
def test_register_bench_notices(tmp_path: Path, old: str, new: str) -> None:
    sources = register_sources()
    text = sources[f"{MAP.name}.sv"]
    assert text.count(old) == 1
    sources[f"{MAP.name}.sv"] = text.replace(old, new)
    assert run_bench(tmp_path, MAP.name, "registers", sources)[1] > 0
