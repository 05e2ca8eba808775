# SPDX-License-Identifier: Apache-2.0
"""Words of the machine's ports, against literal numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tritforge.error_code import ErrorCode
from tritforge.errors import TritforgeError
from tritforge.language_model.config import TOP_K, accelerator
from tritforge.language_model.interface import machine_interface
from tritforge.language_model.wire.command import Command, command_fields
from tritforge.language_model.wire.input_packet import decode_input, encode_input, input_words
from tritforge.language_model.wire.output_packet import (
    NO_TOKEN,
    Scoreboard,
    decode_output,
    encode_output,
    output_words,
)
from tritforge.language_model.wire.result import Outcome
from tritforge.language_model.wire.weight_packets import join_words, split_beats
from tritforge.language_model.wire.words import high_half, low_half, pack_halves

STREAMS = ("weights_0", "weights_1", "parameters", "input")


def test_halves_are_signed_and_little_endian() -> None:
    words = pack_halves(np.array([1, -1, -(2**31)]), np.array([-2, 3, 2**31 - 1]))
    assert words.tolist() == [0xFFFFFFFE_00000001, 0x00000003_FFFFFFFF, 0x7FFFFFFF_80000000]
    assert low_half(words).tolist() == [1, -1, -(2**31)]
    assert high_half(words).tolist() == [-2, 3, 2**31 - 1]


def test_command_bits() -> None:
    command = Command(prefill=1, all_logits=0, fresh=0b0001, hold=0b1100)
    assert command.to_word(4) == 0b1100_0001_01
    assert Command(0, 1, 0b1111).to_word(4) == 0b0000_1111_10
    for word in range(1 << 6):
        assert Command.from_word(word, 2).to_word(2) == word


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
def test_command_fields_are_those_of_the_register(lanes: int) -> None:
    fields = machine_interface(accelerator(64, lanes=lanes)).registers.register("command").fields
    low = 0
    for field, (name, bits) in zip(fields, command_fields(lanes).items(), strict=True):
        assert (field.name, field.low, field.bits) == (name, low, bits)
        low += bits


def test_commands_that_the_lanes_do_not_have_are_refused() -> None:
    with pytest.raises(TritforgeError, match="fresh is 4, 2 lanes allow 0 to 3"):
        Command(fresh=4).to_word(2)
    with pytest.raises(TritforgeError, match="0x40 has bits that 2 lanes do not use"):
        Command.from_word(1 << 6, 2)


def test_result_bits() -> None:
    outcome = Outcome(ErrorCode.STREAM_LENGTH, ("residual", "state"), ("weights_1_late",))
    # Error code, 16 signals (state is number 12), then early and late of every stream.
    word = 4 | 1 << 8 | 1 << 8 + 12 | 1 << 8 + 16 + 3
    assert outcome.to_word(STREAMS) == word
    assert Outcome.from_word(word, STREAMS) == outcome
    every = Outcome.from_word((1 << 8 + 16 + 8) - (1 << 8), STREAMS)
    assert len(every.saturations) == 16 and len(every.stream_errors) == 8
    assert every.to_word(STREAMS) == (1 << 32) - (1 << 8)


def test_an_unknown_error_code_is_refused() -> None:
    with pytest.raises(TritforgeError, match="error code 200"):
        Outcome.from_word(200, STREAMS)


def test_input_packet() -> None:
    """Two lanes of 9 residuals in tiles of 8: the second tile holds one of each."""
    residuals = np.array([range(1, 10), range(-1, -10, -1)]) << 16
    words = encode_input(residuals, 8)
    assert words.size == input_words(2, 9, 8) == 16
    assert words.tolist() == [
        *(0x0002_0000_0001_0000, 0x0004_0000_0003_0000),
        *(0x0006_0000_0005_0000, 0x0008_0000_0007_0000),
        *(0xFFFE_0000_FFFF_0000, 0xFFFC_0000_FFFD_0000),
        *(0xFFFA_0000_FFFB_0000, 0xFFF8_0000_FFF9_0000),
        *(0x0000_0000_0009_0000, 0, 0, 0),
        *(0x0000_0000_FFF7_0000, 0, 0, 0),
    ]
    assert np.array_equal(decode_input(words, 2, 9, 8), residuals)


def test_weight_packets() -> None:
    beats = np.arange(32, dtype=np.uint8).reshape(2, 16)
    first, second = split_beats(beats, 2)
    assert first.tolist() == [0x07060504_03020100, 0x17161514_13121110]
    assert second.tolist() == [0x0F0E0D0C_0B0A0908, 0x1F1E1D1C_1B1A1918]
    assert np.array_equal(join_words(np.stack([first, second], axis=-1)), beats)


@pytest.mark.parametrize("vocabulary", [3, 8, 21])
@pytest.mark.parametrize("all_logits", [False, True])
def test_output_packet(vocabulary: int, all_logits: bool) -> None:
    lanes, tile = 2, 8
    logits = np.arange(lanes * vocabulary).reshape(lanes, vocabulary) - 20
    accumulators = -3 * logits
    tokens = np.where(np.arange(TOP_K) < vocabulary, np.arange(TOP_K), NO_TOKEN)
    best_tokens = np.stack([tokens, tokens])
    best_logits = np.where(best_tokens == NO_TOKEN, 0, best_tokens - 5)
    board = Scoreboard(
        logits if all_logits else None,
        accumulators if all_logits else None,
        best_tokens,
        best_logits,
    )
    expected = []
    if all_logits:
        for first in range(0, vocabulary, tile):
            for lane in range(lanes):
                for row in range(first, min(first + tile, vocabulary)):
                    expected.append((logits[lane, row], accumulators[lane, row]))
    for lane in range(lanes):
        expected += zip(best_logits[lane], best_tokens[lane])
    literal = [(int(low) & 0xFFFFFFFF) | (int(high) & 0xFFFFFFFF) << 32 for low, high in expected]
    packet = encode_output(board, tile)
    assert packet.tolist() == literal
    assert packet.size == output_words(lanes, vocabulary, all_logits)
    again = decode_output(packet, lanes, vocabulary, tile, all_logits)
    for name in ("logits", "accumulators", "best_tokens", "best_logits"):
        assert np.array_equal(getattr(again, name), getattr(board, name)), name
    with pytest.raises(TritforgeError, match=f"instead of {packet.size}"):
        decode_output(packet[1:], lanes, vocabulary, tile, all_logits)
