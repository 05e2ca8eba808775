# SPDX-License-Identifier: Apache-2.0
"""Ternary matrix array: the sums of the multiplying array, without a multiplication."""

from __future__ import annotations

import numpy as np

from tritforge.ivit.golden.matrix_array import matrix_array
from tritforge.ivit.golden.ternary_matrix_array import ternary_matrix_array


def test_sums_are_those_of_the_matrix_array() -> None:
    random = np.random.default_rng(1)
    left, trits = random.integers(-128, 128, (4, 19)), random.integers(-1, 2, (3, 19))
    found = ternary_matrix_array(left, trits, 2)
    np.testing.assert_array_equal(found, matrix_array(left, trits, 2))
