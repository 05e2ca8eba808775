# SPDX-License-Identifier: Apache-2.0
"""Bounded proofs of the stream modules, and proof that each of them notices a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.formal.formal import holds
from tests.proof.rtl.sources import with_fault

pytestmark = pytest.mark.cosim

#: Cycles: longer than the longest way through a module's states several times over.
DEPTH = 14

#: Module, parameters of its properties.
CASES = [
    ("skid_buffer", {}),
    ("width_adapter", {"IN_WIDTH": 1, "OUT_WIDTH": 3}),
    ("width_adapter", {"IN_WIDTH": 2, "OUT_WIDTH": 4}),
    ("width_adapter", {"IN_WIDTH": 3, "OUT_WIDTH": 1}),
    pytest.param("width_adapter", {"IN_WIDTH": 4, "OUT_WIDTH": 2}, marks=pytest.mark.slow),
    ("width_adapter", {"IN_WIDTH": 2, "OUT_WIDTH": 2}),
    ("packet_guard", {}),
    ("axi_lite_registers", {}),
    ("fifo", {"DEPTH": 1}),
    ("fifo", {"DEPTH": 2}),
    ("fifo", {"DEPTH": 3}),
    ("ram", {}),
]

UP = {"IN_WIDTH": 1, "OUT_WIDTH": 3}
DOWN = {"IN_WIDTH": 3, "OUT_WIDTH": 1}
#: Module, parameters, text in the module, fault that replaces it.
FAULTS = [
    ("skid_buffer", {}, "saved_valid ? saved : in_tdata", "in_tdata"),
    ("skid_buffer", {}, "in_tready <= !saved_stays", "in_tready <= 1'b1"),
    ("skid_buffer", {}, "in_tready <= !saved_stays", "in_tready <= move"),
    ("skid_buffer", {}, "in_tready <= 1'b0", "in_tready <= 1'b1"),
    ("width_adapter", UP, "next <= in_tlast ?", "next <= 1'b0 ?"),
    ("width_adapter", UP, "end else if (next[0]) begin", "end else if (1'b0) begin"),
    ("width_adapter", UP, "in_tready = !out_tvalid || out_tready;", "in_tready = !out_tvalid;"),
    ("width_adapter", UP, "(in_tlast || next[RATIO-1]) :", "next[RATIO-1] :"),
    ("width_adapter", DOWN, "out_tlast = last && final_part", "out_tlast = last"),
    ("width_adapter", DOWN, "final_part = keep_after == '0", "final_part = keep == '0"),
    ("width_adapter", DOWN, "(out_tready && final_part)", "1'b0"),
    ("width_adapter", DOWN, "data <= data >> OUT_WIDTH", "data <= data << OUT_WIDTH"),
    ("packet_guard", {}, "? PAD : in_tdata", "? in_tdata : in_tdata"),
    ("packet_guard", {}, "error_late <= forward && final_word && !in_tlast", "error_late <= 1'b0"),
    ("packet_guard", {}, "error_early <= forward && in_tlast", "error_early <= in_tlast"),
    ("packet_guard", {}, "state <= in_tlast ? FILL : INSIDE", "state <= INSIDE"),
    ("packet_guard", {}, "state <= in_tlast ? FIRST : DROP", "state <= FIRST"),
    ("packet_guard", {}, "if (in_tvalid && in_tlast) state", "if (in_tvalid) state"),
    ("packet_guard", {}, "in_tready = state == DROP ||", "in_tready ="),
    ("axi_lite_registers", {}, "s_axi_awready <= !address_stays", "s_axi_awready <= 1'b1"),
    (
        "axi_lite_registers",
        {},
        "address_held && data_held && (!s_axi_bvalid || s_axi_bready)",
        "address_held && data_held",
    ),
    ("axi_lite_registers", {}, "write_mapped ? OKAY : SLVERR", "OKAY"),
    ("axi_lite_registers", {}, "read_mapped ? read_data : '0", "read_data"),
    (
        "axi_lite_registers",
        {},
        "read_held && (!s_axi_rvalid || s_axi_rready)",
        "read_held && s_axi_rready",
    ),
    ("axi_lite_registers", {}, "data_held <= data_stays", "data_held <= address_stays"),
    ("fifo", {}, "out_tvalid <= take || (out_tvalid && !out_tready)", "out_tvalid <= take"),
    ("fifo", {}, "COUNT_WIDTH'(DEPTH - 1) :", "COUNT_WIDTH'(DEPTH) :"),
    ("fifo", {}, "in_tready  <= take || count", "in_tready  <= count"),
    ("fifo", {}, "take = count != '0 && (!out_tvalid || out_tready)", "take = count != '0"),
    ("fifo", {}, "pointer == POINTER_WIDTH'(DEPTH - 1) ? '0 :", "1'b0 ? '0 :"),
    ("fifo", {}, "in_tready <= 1'b0", "in_tready <= 1'b1"),
    ("ram", {}, "save = request && newest_valid && !take_newest", "save = 1'b0"),
    ("ram", {}, "oldest_valid ? oldest : newest", "newest_valid ? newest : oldest"),
    ("ram", {}, "running && !(newest_valid && oldest_valid)", "running"),
    ("ram", {}, "read_request_tready = running &&", "read_request_tready ="),
    ("ram", {}, "oldest_valid <= save || (oldest_valid && !take)", "oldest_valid <= save"),
    ("ram", {}, "if (request) newest", "newest"),
]


def _name(value: object) -> str | None:
    return "_".join(map(str, value.values())) or "-" if isinstance(value, dict) else None


@pytest.mark.parametrize(("module", "parameters"), CASES, ids=_name)
def test_properties_hold_for_every_input_sequence(
    tmp_path: Path, module: str, parameters: dict[str, int]
) -> None:
    assert holds(tmp_path, module, DEPTH, parameters)


@pytest.mark.parametrize(("module", "parameters", "old", "new"), FAULTS, ids=_name)
def test_proof_fails_on_a_faulty_module(
    tmp_path: Path, module: str, parameters: dict[str, int], old: str, new: str
) -> None:
    assert not holds(tmp_path, module, DEPTH, parameters, with_fault(module, old, new))
