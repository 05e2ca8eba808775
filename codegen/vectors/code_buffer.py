# SPDX-License-Identifier: Apache-2.0
"""Vectors of the code buffer: codes as they arrive and the groups it must repeat."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from codegen.vectors.vector_file import VectorFile
from tritforge.config import TRITS_PER_BYTE, AcceleratorConfig
from tritforge.golden.scalar_unit import CODE_LIMIT
from tritforge.packing import bytes_per_row
from tritforge.parameters import MAXIMUM_OUTPUTS

_SEED = 2


def vectors(config: AcceleratorConfig) -> str:
    """Every count of vectors, every remainder of K by five, and the largest operations."""
    random = RandomState(_SEED)
    file = VectorFile("code buffer: codes in, groups of five columns out")
    longest = max(config.shape.dim, config.shape.glu_width)
    shapes = [
        (f"{count}_vectors_of_{inputs}", inputs, count, 2 * count + 1)
        for inputs in (1, 4, 5, 6, 13)
        for count in range(1, MAXIMUM_OUTPUTS + 1)
    ]
    shapes += [
        ("one_tile", 7, MAXIMUM_OUTPUTS, 1),
        ("many_tiles", 12, 2, 30),
        ("full_dim", config.dim, MAXIMUM_OUTPUTS, MAXIMUM_OUTPUTS),
        ("longest_row", longest, 1, 2),
    ]
    for name, inputs, count, tiles in shapes:
        codes = random.randint(
            -CODE_LIMIT, CODE_LIMIT + 1, (config.lanes, inputs, count), dtype=np.int64
        )
        beats = bytes_per_row(inputs)
        padded = np.zeros((config.lanes, beats * TRITS_PER_BYTE, count), np.int64)
        padded[:, :inputs] = codes
        groups = padded.reshape(config.lanes, beats, TRITS_PER_BYTE, count).transpose(3, 1, 0, 2)
        file.case(name)
        file.add(inputs=inputs, beats=beats, vectors=count, tiles=tiles, codes=codes)
        file.add(groups=groups[np.arange(tiles) % count])
    return file.text()
