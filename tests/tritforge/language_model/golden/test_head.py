# SPDX-License-Identifier: Apache-2.0
"""Head: best tokens against a plain sort of pairs."""

from __future__ import annotations

import numpy as np
import pytest

from tritforge.language_model.config import TOP_K
from tritforge.language_model.golden.head import scoreboard
from tritforge.language_model.golden.headers import HeadHeader
from tritforge.language_model.wire.output_packet import NO_TOKEN


@pytest.mark.parametrize("largest", [1, 5, 1 << 20])
@pytest.mark.parametrize("tokens", [2, TOP_K - 1, TOP_K, 100])
def test_largest_sums_come_first_and_lower_tokens_before_equal_ones(
    tokens: int, largest: int
) -> None:
    generator = np.random.default_rng(tokens)
    sums = generator.integers(-largest, largest + 1, (3, tokens))
    logits = generator.integers(-(1 << 31) + 1, 1 << 31, (3, tokens))
    board = scoreboard(HeadHeader(0, 0, 0, tokens), sums, logits)
    assert board.logits is None and board.accumulators is None
    for lane in range(3):
        ranked = sorted((-int(value), token) for token, value in enumerate(sums[lane]))
        best = [token for _, token in ranked][:TOP_K]
        missing = TOP_K - len(best)
        assert board.best_tokens[lane].tolist() == best + [NO_TOKEN] * missing
        expected = [int(logits[lane, token]) for token in best] + [0] * missing
        assert board.best_logits[lane].tolist() == expected


def test_all_scores_are_sent_if_asked_for() -> None:
    sums, logits = np.array([[3, 1, 2]]), np.array([[-30, -10, -20]])
    board = scoreboard(HeadHeader(0, 0, 1, 3), sums, logits)
    assert board.logits is not None and board.accumulators is not None
    assert board.logits.tolist() == logits.tolist()
    assert board.accumulators.tolist() == sums.tolist()
    assert board.best_tokens[0, :3].tolist() == [0, 2, 1]
