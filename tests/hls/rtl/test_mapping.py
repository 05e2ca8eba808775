# SPDX-License-Identifier: Apache-2.0
"""Large memories become block RAM in yosys: no registers, and as few blocks as their bits need."""

from __future__ import annotations

import pytest

from codegen.openhls.synth.xilinx7 import synthesise
from testing.rtl_modules import sources_of

pytestmark = pytest.mark.cosim


@pytest.mark.parametrize(
    ("module", "parameters", "block_rams"),
    [
        # 128 bits in columns of 9, which are 18 kbit for 2048 words.
        ("fifo", {"WIDTH": 128, "DEPTH": 2048}, 15),
        ("ram", {"WIDTH": 24, "WORDS": 2048, "ADDRESS_WIDTH": 11}, 3),
    ],
)
def test_large_memory_is_block_ram(
    module: str, parameters: dict[str, int], block_rams: int
) -> None:
    text = sources_of(module)[f"tritforge_{module}.sv"]
    found = synthesise(text, f"tritforge_{module}", parameters)
    assert found.block_rams == block_rams
    assert found.flip_flops < 64 and found.lut_rams == 0
