# SPDX-License-Identifier: Apache-2.0
"""Element order, told by loops."""

from __future__ import annotations

import numpy as np
import pytest

from tritforge.language_model.wire.element_order import (
    from_element_order,
    in_element_order,
    in_groups,
)

PADDING = 99


def vectors(matrices: int, lanes: int, count: int) -> np.ndarray:
    return np.arange(matrices * lanes * count).reshape(matrices, lanes, count)


@pytest.mark.parametrize("tile", [5, 8])
@pytest.mark.parametrize("count", [1, 5, 8, 21])
@pytest.mark.parametrize(("matrices", "lanes"), [(1, 1), (3, 2)])
def test_tiles_then_matrices_then_lanes_then_rows(
    matrices: int, lanes: int, count: int, tile: int
) -> None:
    values = vectors(matrices, lanes, count)
    expected = []
    for first in range(0, count, tile):
        for matrix in range(matrices):
            for lane in range(lanes):
                for row in range(first, first + tile):
                    expected.append(values[matrix, lane, row] if row < count else PADDING)
    assert in_element_order(values, tile, PADDING).ravel().tolist() == expected


@pytest.mark.parametrize("count", [1, 8, 21])
def test_the_order_is_undone_without_its_padding(count: int) -> None:
    (values,) = vectors(1, 3, count)
    stream = in_element_order(values, 8, PADDING)
    assert np.array_equal(from_element_order(stream.ravel(), 3, count, 8), values)


@pytest.mark.parametrize("inputs", [1, 5, 7, 23])
def test_a_code_group_has_five_columns_of_every_lane(inputs: int) -> None:
    codes = vectors(2, 3, inputs)
    groups = in_groups(codes, PADDING)
    assert groups.shape == (2, -(-inputs // 5), 3, 5)
    for index, value in np.ndenumerate(groups):
        vector, beat, lane, column = index
        k = 5 * beat + column
        assert value == (codes[vector, lane, k] if k < inputs else PADDING)
