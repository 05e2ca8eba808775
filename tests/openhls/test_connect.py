# SPDX-License-Identifier: Apache-2.0
"""Two processes connected by a FIFO, Verilated together against two C-simulations in a row."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from codegen.openhls.csim import build_c_simulation
from codegen.openhls.errors import InterfaceError
from codegen.openhls.flow import build_design, default_includes, translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.verilate import build_rtl_simulation
from codegen.openhls.wrapper import Connection, connect
from tests.openhls.words import corner_words

EXAMPLES = Path(__file__).parent / "kernels" / "examples.cpp"
COUNT = 3000
LINK = Connection("producer", "doubled", "consumer", "in", depth=3)


@pytest.mark.cosim
@pytest.mark.parametrize("stall_percent", [0, 40, 80])
def test_two_processes(stall_percent: int) -> None:
    steps = [translate_file(EXAMPLES, top) for top in ("producer", "consumer")]
    designs = [build_design(step, Manifest(step.name, 1)) for step in steps]
    wires, manifest = connect("pair", [item.manifest for item in designs], [LINK])
    text = "\n".join([*(item.system_verilog for item in designs), wires])

    words = corner_words(random.Random(5), 24, COUNT)
    csims = [build_c_simulation(EXAMPLES, step, default_includes()) for step in steps]
    between = csims[0].run({"in": words}, COUNT)["doubled"]
    expected = csims[1].run({"in": between}, COUNT)["differences"]

    rtl = build_rtl_simulation(text, manifest)
    result = rtl.run_process({"producer_in": words}, len(expected), 100 * COUNT, 9, stall_percent)
    assert result.outputs["consumer_differences"] == expected
    assert not result.left["producer_in"]
    if stall_percent == 0:  # a word a cycle through both processes and the FIFO
        cycles = result.output_cycles["consumer_differences"]
        assert set(np.diff(cycles).tolist()) == {2}


def test_wrong_connections_are_named() -> None:
    manifests = [
        build_design(translate_file(EXAMPLES, top), Manifest(top, 1)).manifest
        for top in ("producer", "consumer", "accumulate")
    ]
    for link, says in (
        (Connection("producer", "in", "consumer", "in"), "producer has no output stream in"),
        (Connection("producer", "doubled", "consumer", "absent"), "no input stream absent"),
        (Connection("producer", "doubled", "accumulate", "values"), "32 bits.*17"),
        (Connection("producer", "doubled", "consumer", "in", depth=0), "at least 1"),
    ):
        with pytest.raises(InterfaceError, match=says):
            connect("pair", manifests, [link])
    with pytest.raises(InterfaceError, match="connected twice"):
        connect("pair", manifests, [LINK, LINK])
