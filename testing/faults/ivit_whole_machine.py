# SPDX-License-Identifier: Apache-2.0
"""Faults of the whole I-ViT machine: in its memories, in what joins its units, in its sequencer."""

from __future__ import annotations

from testing.faults.fault import CaughtFault, Fault

_TEST = "tests/proof/whole/test_ivit_machine.py"
_LOGITS = f"{_TEST}::test_logits_are_those_of_the_golden_model"
_LENGTHS = f"{_TEST}::test_packets_of_a_wrong_length_are_reported_and_left_behind[weights]"
_RECORDS = f"{_TEST}::test_bad_records_end_the_run"
_HEADERS = "hls/include/ivit"


def _fault(name: str, header: str, before: str, after: str, test: str = _LOGITS) -> CaughtFault:
    return CaughtFault(Fault(name, f"{_HEADERS}/{header}.hpp", before, after), test)


FAULTS = (
    _fault(
        "results_are_stored_for_the_next_group_of_lanes",
        "token_banks",
        "if (state.lane == lane / kResults * kResults)",
        "if (state.lane == (lane / kResults + 1) % (kTokens / kResults) * kResults)",
    ),
    _fault(
        "a_slice_of_features_starts_anew",
        "token_banks",
        "state.slice = behind;",
        "state.slice = state.slice;",
    ),
    _fault(
        "low_digits_come_first",
        "probabilities",
        "const int low = kDigitBits * (kDigits - 1 - index);",
        "const int low = kDigitBits * index;",
    ),
    _fault(
        "heads_share_their_keys",
        "keys",
        "state.channel = state.operation.first;",
        "state.channel = 0;",
    ),
    _fault(
        "values_of_a_head_go_on_in_the_last_bank",
        "values",
        "if (ends_head || state.at.bank == kFeatures) {",
        "if (state.at.bank == kFeatures) {",
    ),
    _fault(
        "heads_begin_at_the_first_one_again",
        "values",
        "if (header.restarts == 1) {",
        "if (header.stores == 0) {",
    ),
    _fault(
        "gains_follow_one_channel_later",
        "norm_requantise",
        "outputs.write(requantised(inputs.read(), memory.read(state.word)));",
        "outputs.write(requantised(inputs.read(), memory.read(0)));",
    ),
    _fault(
        "rows_behind_shiftgelu_lie_one_word_off",
        "rows",
        "target = back.row + back.word;",
        "target = address;",
    ),
    _fault(
        "queries_of_every_group_are_those_of_the_first",
        "sequencer",
        "headers.rows.base = state.base;",
        "headers.rows.base = 0;",
    ),
    _fault(
        "context_of_every_head_goes_to_the_first",
        "sequencer",
        "headers.codes.first = state.first;",
        "headers.codes.first = 0;",
    ),
    _fault(
        "last_group_has_all_tokens",
        "sequencer",
        "return state.groups_left == 1 ? state.last_tokens : TokenCount(kTokens);",
        "return state.groups_left == 1 ? TokenCount(1) : TokenCount(kTokens);",
    ),
    _fault(
        "positions_of_two_tokens_change_places",
        "position_reader",
        "words.range(kPackedBits * lane + kBits - 1, kPackedBits * lane);",
        "words.range(kPackedBits * (lane ^ 1) + kBits - 1, kPackedBits * (lane ^ 1));",
    ),
    _fault(
        "last_words_of_a_row_are_those_of_the_inputs",
        "sequencer",
        "headers.rows.row_words = words_of(from_rows ? record.inputs : record.features);",
        "headers.rows.row_words = words_of(record.inputs);",
    ),
    _fault(
        "tokens_of_the_next_row_begin_in_the_last_word",
        "row_packer",
        "if (is_last || state.part == kParts) {",
        "if (state.part == kParts) {",
    ),
    _fault(
        "any_block_number_passes",
        "program_check",
        "return follows && record.block == state.block;",
        "return follows;",
        _RECORDS,
    ),
    _fault(
        "a_program_goes_on_where_the_last_one_ended",
        "sequencer",
        "Check::restart(state.program);",
        "",
    ),
    _fault(
        "late_words_are_not_reported",
        "sequencer",
        "if (state.error != 0) {",
        "if (true) {",
        _LENGTHS,
    ),
)
