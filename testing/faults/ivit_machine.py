# SPDX-License-Identifier: Apache-2.0
"""Faults of the I-ViT machine's units, each noticed by the bench of its unit."""

from __future__ import annotations

from testing.faults.fault import UnitFault

_ARRAY = "hls/include/ivit/matrix_array.hpp"
_DYADIC = "hls/include/ivit/dyadic.hpp"
_REQUANTISE = "hls/include/ivit/requantise.hpp"
_BUFFER = "hls/include/ivit/weight_buffer.hpp"
_RESIDUAL = "hls/include/ivit/residual_add.hpp"
_TERNARY = "hls/include/ivit/ternary_matrix_array.hpp"

FAULTS = (
    UnitFault(
        "carry_of_a_shared_multiplier_is_lost",
        _ARRAY,
        "pair.carry = product[kProductBits - 1];",
        "pair.carry = 0;",
        "matrix_array",
    ),
    UnitFault(
        "second_digits_move_the_sums_too_little",
        _ARRAY,
        "moves_up ? Sum(sum << kDigitBits) : sum",
        "moves_up ? Sum(sum << (kDigitBits - 1)) : sum",
        "matrix_array",
    ),
    UnitFault(
        "sums_are_not_cleared",
        _ARRAY,
        "const bool first = state.beat == 0;",
        "const bool first = false;",
        "matrix_array",
    ),
    UnitFault(
        "a_short_tile_overwrites_sums_that_wait",
        _ARRAY,
        "active && !(last && state.words_left != 0)",
        "active",
        "matrix_array",
    ),
    UnitFault(
        "ties_go_to_odd",
        _DYADIC,
        "(below || odd) && quotient",
        "(below || !odd) && quotient",
        "requantise",
    ),
    UnitFault(
        "what_is_below_the_half_is_forgotten",
        _DYADIC,
        "half && (below || odd);",
        "half && odd;",
        "residual_add",
    ),
    UnitFault(
        "smallest_number_is_clamped_away", _DYADIC, "= ~largest;", "= -largest;", "requantise"
    ),
    UnitFault(
        "features_behind_the_last_one_leave",
        _REQUANTISE,
        "state.slices_left != 1 || state.feature < state.operation.last_features",
        "true",
        "requantise",
    ),
    UnitFault(
        "factors_of_the_first_slice_serve_all",
        _REQUANTISE,
        "state.phase = state.operation.per_feature == 1 ? kFactors : kRun;",
        "state.phase = state.operation.per_feature == 1 && state.slices_left == "
        "state.operation.slices ? kFactors : kRun;",
        "requantise",
    ),
    UnitFault(
        "class_token_takes_a_patch",
        _RESIDUAL,
        "embeds && state.lane + result == 0 && state.token == 0",
        "false",
        "residual_add",
    ),
    UnitFault(
        "next_group_begins_at_the_first_one",
        _RESIDUAL,
        "state.group = state.group + words_of(state.operation.features);\n"
        "        if (state.operation.tokens",
        "if (state.operation.tokens",
        "residual_add",
    ),
    UnitFault(
        "next_slice_overwrites_the_one_in_use",
        _BUFFER,
        "state.half = ~state.half;",
        "",
        "weight_buffer",
    ),
    UnitFault(
        "features_share_the_first_weight",
        _BUFFER,
        "const int low = kBits * (feature % kLanesPerWord);",
        "const int low = kBits * 0;",
        "weight_buffer",
    ),
    UnitFault(
        "norms_count_the_channels_of_a_slice",
        _BUFFER,
        "state.operation.kind == kNorm ? ChannelCount(state.operation.inputs)\n"
        "                                                            : ChannelCount(kFeatures)",
        "ChannelCount(kFeatures)",
        "weight_buffer",
    ),
    UnitFault(
        "a_slice_serves_one_group",
        _BUFFER,
        "state.repeats = state.groups_left != 0;",
        "state.repeats = false;",
        "weight_buffer",
    ),
    UnitFault(
        "negated_numbers_lack_a_one",
        _TERNARY,
        "choice_tree(state.finished[lane], state.word) + lack",
        "choice_tree(state.finished[lane], state.word) + Lack(lack >> 1)",
        "ternary_matrix_array",
    ),
    UnitFault(
        "what_sums_lack_is_not_cleared",
        _TERNARY,
        "const Lack lacked = first ? Lack(0) : state.lacks[feature];",
        "const Lack lacked = state.lacks[feature];",
        "ternary_matrix_array",
    ),
    UnitFault(
        "features_lack_what_the_next_one_does",
        _TERNARY,
        "state.finished_lacks[feature] = lacks[feature];",
        "state.finished_lacks[feature] = lacks[(feature + 1) % kFeatures];",
        "ternary_matrix_array",
    ),
)
