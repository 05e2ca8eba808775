# SPDX-License-Identifier: Apache-2.0
"""Kernels of public shapes through the open flow: proven, or refused by the rule they break."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.proof import DEFAULT_STALLS, prove
from testing.openhls.kernel_cases import CASES, KERNELS, KernelCase, run_kernel

pytestmark = pytest.mark.cosim

#: Kernels that the suite runs as RTL too, and those that it only translates.
AS_RTL = ("rgb_to_grey", "two_stages")
TRANSLATED = ("header_parser", "pid", "spiking_neuron", "frame_loop", "vector_add_memory")


def check(case: KernelCase, words: int, stalls: tuple[int, ...]) -> None:
    outcome = run_kernel(case, words, stalls)
    assert outcome.expected, outcome.message or outcome.rule
    if outcome.evidence:
        assert outcome.evidence.output_words > words // 10 or outcome.evidence.steps == words


@pytest.mark.parametrize("top", [*AS_RTL, *TRANSLATED])
def test_some_kernels(top: str) -> None:
    (case,) = (case for case in CASES if case.top == top)
    check(case, 300, DEFAULT_STALLS if top in AS_RTL else ())


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.top)
def test_every_kernel(case: KernelCase) -> None:
    check(case, 1000, DEFAULT_STALLS)


def test_every_file_is_a_case() -> None:
    assert {case.source for case in CASES} == set(KERNELS.glob("*"))
    assert len(CASES) >= 30


def test_a_local_stream_is_a_queue(tmp_path: Path) -> None:
    """Words keep their order, in arrays of streams and under a condition too."""
    source = tmp_path / "kernel.cpp"
    source.write_text(
        """#include "ap_int.h"
#include "hls_stream.h"
using Stream = hls::stream<ap_uint<8>>;
static void split(Stream& in, Stream (&parts)[2]) {
    const ap_uint<8> word = in.read();
    for (int i = 0; i < 4; ++i) parts[i % 2].write(word.range(2 * i + 1, 2 * i));
    if (word[7]) parts[0].write(word);
}
extern "C" void top(Stream& in, hls::stream<ap_uint<16>>& out) {
    Stream parts[2];
    split(in, parts);
    ap_uint<16> joined = 0;
    for (int i = 0; i < 4; ++i) joined = (joined << 2) | parts[1 - i % 2].read();
    out.write(joined);
}
"""
    )
    evidence = prove(source, Manifest("top", 1), {"in": list(range(256))}, stalls=())
    assert evidence.output_words == 256
