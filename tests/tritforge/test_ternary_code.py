# SPDX-License-Identifier: Apache-2.0
"""The escape code against a plain restatement of docs/image-format.md."""

from __future__ import annotations

import numpy as np

from tests.tritforge.language_model.golden.escape_code import INVALID, WORDS, word_of_byte
from tritforge.language_model.packing import pack_matrix
from tritforge.ternary_code import decode_table


def pack_one(word: tuple[int, ...]) -> int:
    return int(pack_matrix(np.array([word], np.int8), 8)[0, 0, 0])


def test_all_words_have_their_own_byte_and_come_back() -> None:
    codes = {word: pack_one(word) for word in WORDS}
    assert len(set(codes.values())) == len(WORDS) == 243
    trits, valid = decode_table()
    for word, byte in codes.items():
        assert valid[byte]
        assert tuple(trits[byte].tolist()) == word == word_of_byte(byte)


def test_exactly_the_thirteen_bytes_with_three_escapes_are_invalid() -> None:
    _, valid = decode_table()
    assert sorted(np.flatnonzero(~valid).tolist()) == sorted(INVALID)
    assert len(INVALID) == 13
    for byte in range(256):
        assert (word_of_byte(byte) is None) == (byte in INVALID)


def test_zero_byte_is_five_zero_weights() -> None:
    assert pack_one((0, 0, 0, 0, 0)) == 0
    assert decode_table()[0][0].tolist() == [0] * 5
