# SPDX-License-Identifier: Apache-2.0
"""Seeded faults of the whole machine, each caught by a test (benchmarks.seeded_faults).

One changed line in a kernel, in the sequencer, in the plumbing or in the driver.
"""

from __future__ import annotations

import sys

from benchmarks.seeded_faults import Fault, main

_MACHINE = "tests/proof/whole/test_machine.py"
_RANDOM = f"{_MACHINE}::test_random_runs_equal_the_golden_model"
_BROKEN = f"{_MACHINE}::test_broken_runs_are_noticed_and_leave_nothing_behind"
_PROMPT = f"{_MACHINE}::test_prompt_through_lanes_equals_token_by_token[4-2]"
_EXTREME = (
    "tests/proof/whole/test_extreme_models.py"
    "::test_all_shapes_on_one_machine_saturate_like_the_golden_model"
)
_DRIVER = "tests/pynq_driver/language_model/test_machine_backend.py"
_RTL_TOY = "tests/codegen/machine/test_toy_machine.py"

FAULTS = (
    Fault(
        "element unit: a held lane changes the state",
        "hls/include/language_model/element_unit.hpp",
        "if (valid && !hold) {",
        "if (valid) {",
        _RANDOM,
    ),
    Fault(
        "element unit: a fresh lane keeps the old state",
        "hls/include/language_model/element_unit.hpp",
        "if (fresh) {",
        "if (fresh && hold) {",
        _RANDOM,
    ),
    Fault(
        "element unit: all layers share one state",
        "hls/include/language_model/element_unit.hpp",
        "state.layer_base = state.layer_base + state.operation.rows;",
        "state.layer_base = 0;",
        _PROMPT,
    ),
    Fault(
        "element unit: a SiLU that saturates is not reported",
        "hls/include/language_model/element_unit.hpp",
        "state.saturated[kSiluGate] = 1;",
        "state.saturated[kSiluGate] = 0;",
        _EXTREME,
    ),
    Fault(
        "vector unit: lanes share the residual",
        "hls/include/language_model/vector_unit.hpp",
        "address = state.at.element() + lane * Config::kDim;",
        "address = state.at.element();",
        _RANDOM,
    ),
    Fault(
        "vector unit: the residual wraps instead of saturating",
        "hls/include/language_model/vector_unit.hpp",
        "memory.write(address, after.value);",
        "memory.write(address, Residual(exact));",
        _EXTREME,
    ),
    Fault(
        "dequantiser: every lane uses the scale of lane 0",
        "hls/include/language_model/dequantiser.hpp",
        "multiplier = state.multiplier[consumer][lane];",
        "multiplier = state.multiplier[consumer][0];",
        _RANDOM,
    ),
    Fault(
        "head: among equals the later token wins",
        "hls/include/language_model/head.hpp",
        "candidate.sum > other.sum",
        "candidate.sum >= other.sum",
        _RANDOM,
    ),
    Fault(
        "sigmoid: large arguments wrap around the table",
        "hls/include/language_model/sigmoid.hpp",
        "return beyond ? Result(1 << kFraction)",
        "return beyond && magnitude == 0 ? Result(1 << kFraction)",
        _EXTREME,
    ),
    Fault(
        "sequencer: prefill is forgotten",
        "hls/include/language_model/sequencer.hpp",
        "headers.elements.prefill = state.command.prefill;",
        "headers.elements.prefill = 0;",
        _PROMPT,
    ),
    Fault(
        "program check: a shift beyond its range is let through",
        "hls/include/language_model/program_check.hpp",
        "record.square_shift <= largest",
        "record.square_shift <= 0xFFFF",
        _BROKEN,
    ),
    Fault(
        "sequencer: an aborted run does not throw away what is under way",
        "hls/include/language_model/sequencer.hpp",
        "if (state.last_kind != Config::kEndOfRun) {",
        "if (state.last_kind == Config::kLastOperation) {",
        _BROKEN,
    ),
    Fault(
        "packet reader: an early end of a packet is not reported",
        "hls/include/common/stream_word.hpp",
        "early = true;",
        "early = false;",
        _BROKEN,
    ),
    Fault(
        "weight join: the end of a run waits for one port only",
        "hls/include/language_model/weight_join.hpp",
        "ended = ended && state.packets[port].ended;",
        "ended = state.packets[0].ended;",
        _BROKEN,
    ),
    Fault(
        "network: lower bounds and gains share a short FIFO",
        "codegen/language_model/network.py",
        '"element_unit.lower_bounds", config.dim)',
        '"element_unit.lower_bounds", 2)',
        _RANDOM,
    ),
    Fault(
        "C-simulation: the soft reset forgets the processes' state",
        "codegen/machine/cpp/csim_machine.hpp",
        "std::memcpy(__start_tritforge_state, initial_state.data(), initial_state.size());",
        "",
        _BROKEN,
    ),
    Fault(
        "FIFO: a stalled output word is dropped",
        "hls/rtl/tritforge_fifo.sv",
        "out_tvalid <= take || (out_tvalid && !out_tready);",
        "out_tvalid <= take;",
        f"{_RTL_TOY}::test_runs_follow_each_other[rtl-17]",
    ),
    Fault(
        "FIFO: a word is accepted when full",
        "hls/rtl/tritforge_fifo.sv",
        "in_tready  <= take || count != (put ? COUNT_WIDTH'(DEPTH - 1) : COUNT_WIDTH'(DEPTH));",
        "in_tready  <= 1'b1;",
        f"{_RTL_TOY}::test_runs_follow_each_other[rtl-1000]",
    ),
    Fault(
        "top: a stream error of the result is shown one bit aside",
        "codegen/templates/machine/machine_top.sv.j2",
        "results_tdata[{{ 8 + loop.index0 }}]",
        "results_tdata[{{ 9 + loop.index0 }}]",
        f"{_RTL_TOY}::test_packets_of_a_wrong_length[rtl-40-input]",
    ),
    Fault(
        "driver: ports take the halves of a beat the other way round",
        "pynq_driver/language_model/words.py",
        "np.ascontiguousarray(ports[:, port])",
        "np.ascontiguousarray(ports[:, -1 - port])",
        f"{_DRIVER}::test_prefill_through_lanes_equals_token_by_token[2-4-4]",
    ),
    Fault(
        "driver: lanes without a token change the context",
        "pynq_driver/language_model/backends/machine.py",
        "hold=range(len(tokens), self.session.lanes),",
        "hold=(),",
        f"{_DRIVER}::test_prefill_through_lanes_equals_token_by_token[2-4-4]",
    ),
)


if __name__ == "__main__":
    sys.exit(main("machine_faults", FAULTS))
