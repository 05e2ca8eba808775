# SPDX-License-Identifier: Apache-2.0
"""Small kernels of public shapes, and what the open flow makes of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.openhls.errors import StyleError
from codegen.openhls.flow import translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.proof import Evidence, prove
from testing.openhls.words import corner_words
from testing.repository import ROOT

KERNELS = ROOT / "benchmarks" / "kernels"


@dataclass(frozen=True)
class KernelCase:
    """One kernel: `KERNELS/<top>.cpp` with the top function `top`.

    Attributes:
        rule: name of the rule that it is refused by; empty if it is to be proven.
    """

    top: str
    stages: int = 1
    rule: str = ""

    @property
    def source(self) -> Path:
        """Its C++ file."""
        return KERNELS / f"{self.top}.cpp"


@dataclass(frozen=True)
class Outcome:
    """What became of a kernel: evidence, or the rule that refuses it, or another error."""

    case: KernelCase
    evidence: Evidence | None = None
    rule: str = ""
    message: str = ""

    @property
    def expected(self) -> bool:
        """Whether it is what the case says."""
        return self.rule == self.case.rule and (self.evidence is not None) == (not self.case.rule)


def run_kernel(case: KernelCase, count: int, stalls: Sequence[int]) -> Outcome:
    """Prove a kernel with `count` random and corner words for every input.

    Raises:
        TritforgeError: it neither holds nor breaks a rule, e.g. because two executions differ.
    """
    try:
        step = translate_file(case.source, case.top)
    except StyleError as error:
        return Outcome(case, rule=error.rule.name, message=str(error))
    source = random.Random(case.top)
    words = {item.name: corner_words(source, item.width, count) for item in step.reads}
    inputs = count if step.is_function else 1
    words |= {item.name: corner_words(source, item.width, inputs) for item in step.inputs}
    return Outcome(case, prove(case.source, Manifest(case.top, case.stages), words, stalls=stalls))


CASES = (
    KernelCase("aes_column"),
    KernelCase("alu"),
    KernelCase("argmax"),
    KernelCase("axis_pass_through"),
    KernelCase("bit_packer"),
    KernelCase("bitonic_sort", 3),
    KernelCase("cordic", 4),
    KernelCase("crc"),
    KernelCase("delay_line"),
    KernelCase("dilation"),
    KernelCase("fft_butterfly", 2),
    KernelCase("fir", 2),
    KernelCase("header_parser"),
    KernelCase("histogram"),
    KernelCase("iir"),
    KernelCase("integer_math", 4),
    KernelCase("lfsr"),
    KernelCase("matrix_vector", 2),
    KernelCase("max_pool"),
    KernelCase("oscillator", 2),
    KernelCase("packet_filter"),
    KernelCase("pid", 2),
    KernelCase("popcount"),
    KernelCase("prefix_sum"),
    KernelCase("rgb_to_grey", 2),
    KernelCase("ring_buffer", 4),
    KernelCase("run_length"),
    KernelCase("sigmoid_table", 2),
    KernelCase("sobel", 2),
    KernelCase("sorting_network", 2),
    KernelCase("spiking_neuron"),
    KernelCase("systolic_cell"),
    KernelCase("token_bucket"),
    KernelCase("two_stages"),
    KernelCase("vector_add"),
    KernelCase("divider", rule="division"),
    KernelCase("frame_loop", rule="one-read"),
    KernelCase("polling", rule="blocking-access"),
    KernelCase("saxpy", rule="floating-point"),
    KernelCase("vector_add_memory", rule="port-type"),
)
