# SPDX-License-Identifier: Apache-2.0
"""Streams of AXI4-Stream beats in all three executions."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.proof import prove

#: Type of the beats -> bits of the word that one of them is.
BEATS = {
    "ap_axiu<16, 0, 0, 0>": 16 + 2 * 2 + 1,
    "ap_axis<8, 3, 0, 0>": 8 + 2 * 1 + 3 + 1,
    "hls::axis<ap_int<24>, 2, 1, 3>": 24 + 2 * 3 + 2 + 1 + 1 + 3,
    "ap_axiu<128, 4, 4, 4>": 128 + 2 * 16 + 4 + 1 + 4 + 4,
}


@pytest.mark.parametrize("beat", BEATS)
def test_beats_pass_with_their_side_channels(beat: str, tmp_path: Path) -> None:
    source = tmp_path / "kernel.cpp"
    source.write_text(
        '#include "ap_axi_sdata.h"\n#include "ap_int.h"\n#include "hls_stream.h"\n'
        f'extern "C" void step(hls::stream<{beat}>& a, hls::stream<{beat}>& b) {{\n'
        "    static ap_uint<8> count = 0;\n"
        f"    {beat} x = a.read();\n    x.data = x.data + count;\n"
        "    x.keep = ~x.keep;\n    x.last = x.last ^ (count == 3);\n"
        "    count = count + 1;\n    b.write(x);\n}\n",
        encoding="utf-8",
    )
    rng = random.Random(beat)
    words = [rng.getrandbits(BEATS[beat]) for _ in range(40)]
    words += [0, (1 << BEATS[beat]) - 1]
    evidence = prove(source, Manifest("step", 1), {"a": words}, stalls=(0, 50))
    assert evidence.output_words == len(words)
