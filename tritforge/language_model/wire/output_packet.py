# SPDX-License-Identifier: Apache-2.0
"""Output packet: all scores of every lane if asked for, then the best tokens of every lane.

A score word has the logit in its low half and the accumulator in its high half, in element order
without padding; a word of a best token has its logit in the low half and the token in the high one.
A run that is given up sends one word 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import TritforgeError
from tritforge.fixed_point import Int64Array
from tritforge.language_model.config import TOP_K
from tritforge.language_model.wire.words import WORD, Words, high_half, low_half, pack_halves

#: Token of an entry that does not exist because the vocabulary is smaller than TOP_K.
NO_TOKEN = 0xFFFFFFFF


def aborted_output() -> Words:
    """Output packet of a run that ended before its head."""
    return np.zeros(1, WORD)


@dataclass(frozen=True)
class Scoreboard:
    """An output packet, decoded.

    Attributes:
        logits, accumulators: (lanes, vocabulary) int64, or None if the run did not send them.
        best_tokens: (lanes, TOP_K) int64 ids, best first; NO_TOKEN where the vocabulary ends.
        best_logits: (lanes, TOP_K) int64, 0 where the vocabulary ends.
    """

    logits: NDArray[np.int64] | None
    accumulators: NDArray[np.int64] | None
    best_tokens: NDArray[np.int64]
    best_logits: NDArray[np.int64]


def output_words(lanes: int, vocabulary: int, all_logits: bool) -> int:
    """Words of the output packet of a run that goes well."""
    return lanes * (vocabulary * all_logits + TOP_K)


def encode_output(board: Scoreboard, rows_per_beat: int) -> Words:
    """The output packet that carries these scores."""
    best = pack_halves(board.best_logits, _signed_token(board.best_tokens)).reshape(-1)
    if board.logits is None or board.accumulators is None:
        return best
    scores = pack_halves(board.logits, board.accumulators)
    lanes, vocabulary = scores.shape
    whole = vocabulary // rows_per_beat * rows_per_beat
    tiles = scores[:, :whole].reshape(lanes, -1, rows_per_beat)
    front = np.moveaxis(tiles, 0, 1).reshape(-1)
    return np.concatenate([front, scores[:, whole:].reshape(-1), best])


def decode_output(
    words: Words, lanes: int, vocabulary: int, rows_per_beat: int, all_logits: bool
) -> Scoreboard:
    """Decode the output packet of a run that went well.

    Raises:
        TritforgeError: its length is not the expected one.
    """
    expected = output_words(lanes, vocabulary, all_logits)
    if words.size != expected:
        raise TritforgeError(
            f"the machine sent {words.size} output words instead of {expected}: "
            "the library or overlay does not fit this driver, build it again"
        )
    split = words.size - lanes * TOP_K
    logits = accumulators = None
    if all_logits:
        # Rows beyond the vocabulary are not sent, so the last tile may be a short one.
        whole = vocabulary // rows_per_beat * rows_per_beat
        tiles = words[: lanes * whole].reshape(-1, lanes, rows_per_beat)
        front = np.moveaxis(tiles, 0, 1).reshape(lanes, whole)
        back = words[lanes * whole : split].reshape(lanes, -1)
        scores = np.concatenate([front, back], axis=1)
        logits, accumulators = low_half(scores), high_half(scores)
    best = words[split:].reshape(lanes, TOP_K)
    tokens = (best >> np.uint64(32)).astype(np.int64)
    return Scoreboard(logits, accumulators, tokens, low_half(best))


def _signed_token(tokens: Int64Array) -> Int64Array:
    """Tokens as the signed half word that has the same bits."""
    return tokens.astype(np.uint32).view(np.int32).astype(np.int64)
