# SPDX-License-Identifier: Apache-2.0
"""Vectors of the code buffer: groups of codes as they arrive and as it must repeat them."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from codegen.vector_file import VectorFile
from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.golden.code_buffer import repeat_codes
from tritforge.language_model.program import MAXIMUM_CONSUMERS
from tritforge.ternary_code import TRITS_PER_BYTE, bytes_per_row

_SEED = 2


def vectors(config: AcceleratorConfig) -> str:
    """Every count of vectors, one beat and more, and the largest operations."""
    random, limit = RandomState(_SEED), symmetric_limit(config.widths.code)
    file = VectorFile("code buffer: groups of five columns in, the same for every tile out")
    longest = max(config.shape.dim, config.shape.glu_width)
    shapes = [
        (f"{count}_vectors_of_{beats}_for_{tiles}_tiles", beats, count, tiles)
        for beats in (1, 2, 3)
        for count in range(1, MAXIMUM_CONSUMERS + 1)
        for tiles in (count, count + 1, 2 * count + 1)
    ]
    shapes += [
        ("many_tiles", 3, 2, 30),
        ("full_dim", bytes_per_row(config.dim), MAXIMUM_CONSUMERS, 2 * MAXIMUM_CONSUMERS),
        ("longest_row", bytes_per_row(longest), 1, 2),
    ]
    for name, beats, count, tiles in shapes:
        size = (count, beats, config.lanes, TRITS_PER_BYTE)
        groups = random.randint(-limit, limit + 1, size, dtype=np.int64)
        file.case(name)
        file.add(beats=beats, vectors=count, tiles=tiles, groups=groups)
        file.expect(repeated=repeat_codes(groups, tiles))
    return file.text()
