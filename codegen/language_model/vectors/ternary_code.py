# SPDX-License-Identifier: Apache-2.0
"""Vectors of the ternary decoder: all 243 codes."""

from __future__ import annotations

import numpy as np

from codegen.vector_file import VectorFile
from tritforge.ternary_code import decode_table


def vectors() -> str:
    """Every valid byte and its five weights."""
    trits, valid = decode_table()
    file = VectorFile("escape code: bytes and their five weights")
    file.case("every_code")
    file.add(bytes=np.flatnonzero(valid))
    file.expect(weights=trits[valid])
    return file.text()
