# SPDX-License-Identifier: Apache-2.0
"""Which inputs reach an output in the same cycle, against what the headers say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from testing.faults.rtl_library import READY_WAITS_FOR_VALID
from testing.rtl_modules import sources_of, with_fault
from tests.proof.formal.formal import yosys

pytestmark = pytest.mark.cosim

#: Module -> outputs to look at, and the inputs that may reach one of them within a cycle.
PATHS: dict[str, tuple[str, set[str]]] = {
    "skid_buffer": ("*", set()),
    "width_adapter": ("*", {"out_tready"}),
    "packet_guard": ("*", {"out_tready"}),
    "axi_stream_sink": ("*", set()),
    "axi_stream_source": ("*", set()),
    "axi_lite_registers": ("s_axi_*", set()),
    "fifo": ("*", set()),
    "ram": ("*", set()),
}


def inputs_that_reach(folder: Path, module: str, outputs: str, texts: dict[str, str]) -> set[str]:
    """Inputs from which a path without a flip-flop leads to one of the outputs."""
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    top = f"tritforge_{module}"
    printed = yosys(
        folder,
        f"read_verilog -sv {' '.join(texts)}; hierarchy -check -top {top}; proc; flatten; "
        f"opt_clean; select -list o:{outputs} %ci*:-$dff i:* %i; log finished",
    )
    assert "\nfinished" in printed, printed[-3000:]
    return set(re.findall(rf"^{top}/(\w+)$", printed, re.MULTILINE))


@pytest.mark.parametrize("module", PATHS)
def test_paths_are_the_documented_ones(tmp_path: Path, module: str) -> None:
    outputs, expected = PATHS[module]
    assert inputs_that_reach(tmp_path, module, outputs, sources_of(module)) == expected


def test_a_new_path_is_noticed(tmp_path: Path) -> None:
    texts = {**sources_of("axi_stream_sink"), **with_fault(READY_WAITS_FOR_VALID)}
    # The path ends in the guard; let it out as an output.
    name = READY_WAITS_FOR_VALID.file_name
    texts[name] = (
        texts[name]
        .replace("output reg error_keep", "output wire probe,\n    output reg error_keep")
        .replace("  wire word_tready;", "  wire word_tready;\n  assign probe = word_tready;")
    )
    found = inputs_that_reach(tmp_path, "axi_stream_sink", "*", texts)
    assert found == {"out_tready", "s_axis_tvalid"}
