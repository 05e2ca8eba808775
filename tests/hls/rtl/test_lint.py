# SPDX-License-Identifier: Apache-2.0
"""Every module passes Verilator's lint with all warnings on and refuses impossible parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.faults.rtl_library import REGISTER_IS_TOO_WIDE
from testing.rtl_modules import MODULES, lint, with_fault

pytestmark = pytest.mark.cosim

#: Module -> parameter sets beside the default ones.
PARAMETERS = {
    "tritforge_skid_buffer": ["-GWIDTH=1", "-GWIDTH=8192"],
    "tritforge_width_adapter": [
        "-GIN_WIDTH=32 -GOUT_WIDTH=8",
        "-GIN_WIDTH=64 -GOUT_WIDTH=64",
        "-GIN_WIDTH=40 -GOUT_WIDTH=120",
        "-GIN_WIDTH=3 -GOUT_WIDTH=1 -GBYTE_WIDTH=1",
    ],
    "tritforge_axi_lite_registers": ["-GADDRESS_WIDTH=3", "-GADDRESS_WIDTH=32"],
    "tritforge_axi_stream_sink": ["-GWIDTH=8", "-GWIDTH=4096 -GCOUNT_WIDTH=1"],
    "tritforge_axi_stream_source": ["-GWIDTH=8", "-GWIDTH=4096 -GCOUNT_WIDTH=1"],
    "tritforge_packet_guard": ["-GWIDTH=1 -GCOUNT_WIDTH=1"],
    "tritforge_fifo": ["-GWIDTH=1 -GDEPTH=1", "-GWIDTH=256 -GDEPTH=2048", "-GDEPTH=5"],
    "tritforge_ram": [
        "-GWIDTH=1 -GWORDS=1 -GADDRESS_WIDTH=1",
        "-GWIDTH=24 -GWORDS=5632 -GADDRESS_WIDTH=13",
        "-GWIDTH=24 -GWORDS=5632 -GADDRESS_WIDTH=13 -GOUTPUT_REGISTER=1",
    ],
}
REFUSED = [
    ("tritforge_skid_buffer", "-GWIDTH=0", "WIDTH must be from 1 to 8192"),
    ("tritforge_width_adapter", "-GIN_WIDTH=24 -GOUT_WIDTH=16", "must be a multiple of the other"),
    ("tritforge_width_adapter", "-GIN_WIDTH=12 -GOUT_WIDTH=24", "multiples of BYTE_WIDTH"),
    ("tritforge_width_adapter", "-GOUT_WIDTH=8192", "OUT_WIDTH must be from 1 to 4096"),
    ("tritforge_axi_lite_registers", "-GADDRESS_WIDTH=2", "ADDRESS_WIDTH must be from 3 to 32"),
    ("tritforge_axi_stream_sink", "-GWIDTH=12", "WIDTH must be a multiple of 8 from 8 to 4096"),
    ("tritforge_axi_stream_source", "-GWIDTH=0", "WIDTH must be a multiple of 8 from 8 to 4096"),
    ("tritforge_packet_guard", "-GCOUNT_WIDTH=33", "COUNT_WIDTH must be from 1 to 32"),
    ("tritforge_fifo", "-GDEPTH=0", "DEPTH must be from 1 to 1048576"),
    ("tritforge_fifo", "-GWIDTH=8193", "WIDTH must be from 1 to 8192"),
    ("tritforge_ram", "-GWORDS=17", "ADDRESS_WIDTH must be from 1 to 20 and enough for WORDS"),
]
CASES = [(module, choice) for module in MODULES for choice in ["", *PARAMETERS.get(module, [])]]


@pytest.mark.parametrize(("module", "parameters"), CASES)
def test_lint_is_clean(module: str, parameters: str) -> None:
    assert lint(module, parameters) == ""


@pytest.mark.parametrize(("module", "parameters", "message"), REFUSED)
def test_impossible_parameters_are_refused(module: str, parameters: str, message: str) -> None:
    assert message in lint(module, parameters)


def test_lint_notices_a_fault(tmp_path: Path) -> None:
    ((name, text),) = with_fault(REGISTER_IS_TOO_WIDE).items()
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert "WIDTH" in lint(Path(name).stem, "", tmp_path)
