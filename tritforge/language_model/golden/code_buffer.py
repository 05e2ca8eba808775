# SPDX-License-Identifier: Apache-2.0
"""Code buffer: keeps the codes of an operation and repeats them for every row tile."""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import Int64Array


def repeat_codes(vectors: Int64Array, tiles: int) -> Int64Array:
    """Codes that each row tile meets: tile t gets code vector t modulo the number of vectors.

    That is the order of the matrices' interleaved tiles: each matrix of a MIX has a code vector of
    its own, both matrices of a GLU share one.

    Args:
        vectors: (vectors, ...) codes, in any layout.
        tiles: row tiles of all matrices, at least as many as vectors.

    Returns:
        (tiles, ...).
    """
    return vectors[np.arange(tiles) % len(vectors)]
