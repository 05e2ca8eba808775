# SPDX-License-Identifier: Apache-2.0
"""Every ternary kernel against a NumPy matrix product, over arbitrary sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.extension import KERNELS, _engine
from tests.engine.extreme_model import random_codes
from tritforge import ternary_code
from tritforge.language_model import packing


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(1, 100) | st.integers(200, 400),
    inputs=st.integers(1, 300),
    matrices=st.integers(1, 3),
    rows_per_beat=st.sampled_from([8, 16, 32]),
    lanes=st.integers(1, 16),
    seed=st.integers(0, 1 << 30),
)
def test_random_matrices(
    kernel: str, rows: int, inputs: int, matrices: int, rows_per_beat: int, lanes: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    packed = random_codes(random, packing.stream_shape(rows, inputs, matrices, rows_per_beat))
    codes = random.integers(-127, 128, (lanes, inputs))
    for matrix in range(matrices):
        weights = packing.unpack_matrix(packed[:, matrix], rows, inputs)
        found = _engine._ternary_dot(kernel, packed, rows, matrix, codes)
        np.testing.assert_array_equal(found, codes @ weights.astype(np.int64).T)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("lanes", [1, 2, 16])
@pytest.mark.parametrize("weight", [-1, 0, 1])
@pytest.mark.parametrize("code", [-127, 127])
def test_largest_sums(kernel: str, weight: int, code: int, lanes: int) -> None:
    """The longest row the format allows, all terms of one sign: nothing may wrap inside."""
    inputs = 8256
    packed = packing.pack_matrix(np.full((300, inputs), weight, np.int8), 16)[:, np.newaxis]
    found = _engine._ternary_dot(kernel, packed, 300, 0, np.full((lanes, inputs), code))
    np.testing.assert_array_equal(found, np.full((lanes, 300), weight * code * inputs))


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_byte(kernel: str) -> None:
    """Each of the 256 bytes in each place of a vector; the 13 invalid ones are zero weights."""
    trits, _ = ternary_code.decode_table()
    codes = np.array([[101, -57, 29, -13, 7]])
    packed = np.arange(256, dtype=np.uint8).reshape(16, 1, 1, 16)
    found = _engine._ternary_dot(kernel, packed, 256, 0, codes)
    np.testing.assert_array_equal(found, codes @ trits.astype(np.int64).T)


def test_hook_checks_its_arguments() -> None:
    packed = np.zeros((1, 1, 2, 16), np.uint8)
    with pytest.raises(ValueError, match="packed bytes"):
        _engine._ternary_dot("portable", packed, 17, 0, np.zeros((1, 10), np.int64))
    with pytest.raises(ValueError, match="code is 128"):
        _engine._ternary_dot("portable", packed, 16, 0, np.full((1, 10), 128))
