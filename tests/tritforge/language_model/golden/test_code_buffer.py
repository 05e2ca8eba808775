# SPDX-License-Identifier: Apache-2.0
"""Code buffer: which codes per row tile meets."""

from __future__ import annotations

import numpy as np
import pytest

from tritforge.language_model.golden.code_buffer import repeat_codes


@pytest.mark.parametrize("matrices", [1, 2, 3])
@pytest.mark.parametrize("row_tiles", [1, 4])
def test_every_interleaved_matrix_meets_its_own_vector(matrices: int, row_tiles: int) -> None:
    """Tile t of an operation is row tile t // matrices of matrix t % matrices."""
    vectors = np.arange(matrices * 2 * 5).reshape(matrices, 2, 5)
    repeated = repeat_codes(vectors, matrices * row_tiles)
    for tile, codes in enumerate(repeated):
        assert np.array_equal(codes, vectors[tile % matrices])
    assert len(repeated) == matrices * row_tiles


def test_matrices_that_share_a_vector_all_meet_it() -> None:
    """GLU: two matrices, one code vector."""
    vector = np.array([[[1, -2, 3]]])
    assert repeat_codes(vector, 4).tolist() == vector.tolist() * 4
