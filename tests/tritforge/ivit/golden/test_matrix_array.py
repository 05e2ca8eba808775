# SPDX-License-Identifier: Apache-2.0
"""Matrix array: the order in which the sums of a tile leave it."""

from __future__ import annotations

import numpy as np

from tritforge.ivit.golden.matrix_array import matrix_array


def test_features_leave_one_after_the_other_with_their_tokens_in_order() -> None:
    random = np.random.default_rng(1)
    left, right = random.integers(-128, 128, (4, 9)), random.integers(-128, 128, (3, 9))
    words = matrix_array(left, right, 2)
    assert words.shape == (6, 2)
    for feature in range(3):
        for token in range(4):
            expected = sum(int(a) * int(b) for a, b in zip(left[token], right[feature]))
            assert words[2 * feature + token // 2, token % 2] == expected
