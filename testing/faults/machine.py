# SPDX-License-Identifier: Apache-2.0
"""Faults of the whole machine: in its units, in what joins them, and in its driver."""

from __future__ import annotations

from testing.faults import language_model_units, rtl_library
from testing.faults.fault import CaughtFault, Fault, fault_of

_MACHINE = "tests/proof/whole/test_machine.py"
_RANDOM = f"{_MACHINE}::test_random_runs_equal_the_golden_model"
_BROKEN = f"{_MACHINE}::test_broken_runs_are_noticed_and_leave_nothing_behind"
_PROMPT = f"{_MACHINE}::test_prompt_through_lanes_equals_token_by_token[4-2]"
_EXTREME = (
    "tests/proof/whole/test_extreme_models.py"
    "::test_all_shapes_on_one_machine_saturate_like_the_golden_model"
)
_DRIVER = (
    "tests/pynq_driver/language_model/backends/test_machine.py"
    "::test_prefill_through_lanes_equals_token_by_token[2-4-4]"
)
_RTL_TOY = "tests/codegen/machine/test_toy_machine.py"


def _unit(name: str, test: str) -> CaughtFault:
    return CaughtFault(fault_of(language_model_units.FAULTS, name), test)


def _rtl(name: str, test: str) -> CaughtFault:
    return CaughtFault(fault_of(rtl_library.FAULTS, name), test)


FAULTS = (
    _unit("held_lane_keeps_its_state", _RANDOM),
    _unit("fresh_lane_has_a_past", _RANDOM),
    _unit("layers_share_a_state", _PROMPT),
    _unit("gate_saturates_unnoticed", _EXTREME),
    _unit("multiplier_saturates_unnoticed", _EXTREME),
    _unit("lanes_share_a_residual", _RANDOM),
    _unit("every_lane_has_the_scale_of_the_first", _RANDOM),
    _unit("later_token_wins_a_tie", _RANDOM),
    _unit("prefill_is_forgotten", _PROMPT),
    _unit("shifts_beyond_their_range_pass", _BROKEN),
    _unit("aborted_run_throws_nothing_away", _BROKEN),
    _unit("early_end_of_a_packet_is_not_reported", _BROKEN),
    # The models of the units' benches do not reach these three.
    CaughtFault(
        Fault(
            "residual_wraps_instead_of_saturating",
            "hls/include/language_model/vector_unit.hpp",
            "memory.write(address, after.value);",
            "memory.write(address, Residual(exact));",
        ),
        _EXTREME,
    ),
    CaughtFault(
        Fault(
            "large_arguments_wrap_around_the_sigmoid_table",
            "hls/include/language_model/sigmoid.hpp",
            "return beyond ? Result(1 << kFraction)",
            "return beyond && magnitude == 0 ? Result(1 << kFraction)",
        ),
        _EXTREME,
    ),
    CaughtFault(
        Fault(
            "run_ends_with_the_first_port",
            "hls/include/language_model/weight_join.hpp",
            "ended = ended && state.packets[port].ended;",
            "ended = state.packets[0].ended;",
        ),
        _BROKEN,
    ),
    CaughtFault(
        Fault(
            "lower_bounds_and_gains_share_a_short_fifo",
            "codegen/language_model/network.py",
            '"element_unit.lower_bounds", config.dim)',
            '"element_unit.lower_bounds", 2)',
        ),
        _RANDOM,
    ),
    CaughtFault(
        Fault(
            "soft_reset_forgets_the_state_of_processes",
            "codegen/machine/cpp/csim_machine.hpp",
            "std::memcpy(__start_tritforge_state, initial_state_.data(), initial_state_.size());",
            "",
        ),
        _BROKEN,
    ),
    _rtl("stalled_word_is_dropped", f"{_RTL_TOY}::test_runs_follow_each_other[rtl-17]"),
    _rtl("word_is_accepted_when_full", f"{_RTL_TOY}::test_runs_follow_each_other[rtl-1000]"),
    CaughtFault(
        Fault(
            "stream_errors_are_shown_one_bit_aside",
            "codegen/templates/machine/machine_top.sv.j2",
            "results_tdata[{{ error_bits + loop.index0 }}]",
            "results_tdata[{{ error_bits + 1 + loop.index0 }}]",
        ),
        f"{_RTL_TOY}::test_packets_of_a_wrong_length[rtl-40-offsets]",
    ),
    CaughtFault(
        Fault(
            "ports_take_the_other_half_of_a_beat",
            "tritforge/language_model/wire/weight_packets.py",
            "np.ascontiguousarray(words[:, port])",
            "np.ascontiguousarray(words[:, -1 - port])",
        ),
        _DRIVER,
    ),
    CaughtFault(
        Fault(
            "lanes_without_a_token_change_the_context",
            "pynq_driver/language_model/backends/machine.py",
            "hold=range(len(tokens), self.session.lanes),",
            "hold=(),",
        ),
        _DRIVER,
    ),
)
