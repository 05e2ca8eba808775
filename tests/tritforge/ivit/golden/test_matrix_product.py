# SPDX-License-Identifier: Apache-2.0
"""Integer matrix product: exact sums, whichever float type computes them, and their accumulator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritforge.ivit.golden import linear, matrix_product
from tritforge.ivit.parameters import LinearParameters, Requantisation

INT8 = st.integers(-128, 127)


@given(st.data(), st.integers(1, 4), st.integers(1, 6), st.integers(1, 3))
def test_equals_python_integers(data: st.DataObject, rows: int, inputs: int, outputs: int) -> None:
    def matrix(height: int) -> list[list[int]]:
        row = st.lists(INT8, min_size=inputs, max_size=inputs)
        return data.draw(st.lists(row, min_size=height, max_size=height))

    left, right = matrix(rows), matrix(outputs)
    bias = data.draw(st.lists(st.integers(-(1 << 30), 1 << 30), min_size=outputs, max_size=outputs))
    expected = [
        [sum(a * b for a, b in zip(x, w)) + offset for w, offset in zip(right, bias)] for x in left
    ]
    result = matrix_product(np.array(left), np.array(right, np.int8), np.array(bias, np.int32))
    assert result.tolist() == expected


@pytest.mark.parametrize(
    ("inputs", "largest"), [(1023, 128), (1025, 128), (3072, 128), (197, 32767)]
)
def test_the_longest_sums_are_exact(inputs: int, largest: int) -> None:
    """Beyond 2**24 a float32 sum would lose its last bit: an odd number in the middle shows it."""
    left = np.full((1, inputs), -largest)
    left[0, inputs // 2] = 1
    right = np.full((1, inputs), -128, np.int8)
    right[0, inputs // 2] = 1
    assert matrix_product(left, right).tolist() == [[(inputs - 1) * largest * 128 + 1]]


def test_batches_and_heads_are_independent() -> None:
    random = np.random.RandomState(0)
    left = random.randint(-128, 128, (2, 3, 5, 7))
    right = random.randint(-128, 128, (2, 3, 4, 7))
    result = matrix_product(left, right)
    assert result.shape == (2, 3, 5, 4)
    for index in np.ndindex(2, 3):
        assert (result[index] == left[index] @ right[index].T).all()


def test_a_sum_beyond_32_bits_is_a_fault() -> None:
    left, right = np.full((1, 2), 1 << 15), np.full((1, 2), 1 << 15)
    with pytest.raises(AssertionError, match=r"reach 2147483648\.\.2147483648, outside 32 bits"):
        matrix_product(left, right)
    assert matrix_product(left, right, np.array([-1])).tolist() == [[(1 << 31) - 1]]
    assert matrix_product(-left, right).tolist() == [[-(1 << 31)]]
    with pytest.raises(AssertionError, match="outside 32 bits"):
        matrix_product(-left, right, np.array([-1]))


def test_a_sum_that_float64_cannot_hold_is_a_fault() -> None:
    with pytest.raises(AssertionError, match="beyond 53 bits"):
        matrix_product(np.full((1, 2), 1 << 30), np.full((1, 2), 1 << 30))


def test_linear_requantises_every_output_by_itself() -> None:
    parameters = LinearParameters(
        weight=np.array([[1, 2], [3, -4]], np.int8),
        bias=np.array([10, -1], np.int32),
        requantisation=Requantisation(np.array([1, 1], np.int32), np.array([1, 3], np.uint8)),
    )
    # Sums 15 and -6, then 310 and -101, over 2 and over 8.
    assert linear(np.array([[1, 2]]), parameters, 8).tolist() == [[8, -1]]
    assert linear(np.array([[100, 100]]), parameters, 8).tolist() == [[127, -13]]
