# SPDX-License-Identifier: Apache-2.0
"""Input quantiser: pixels to first activations, one table of 256 entries per colour.

The table holds clamp(round_half_even((pixel / 255 - mean) / std / scale)), computed once in float32
as upstream does for every image (`tritforge.ivit.preprocessing.input_table`): nothing real is left.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ConfigurationError
from tritforge.fixed_point import Int64Array


def input_quantiser(pixels: NDArray[np.uint8], table: NDArray[Any]) -> Int64Array:
    """First activations of images.

    Args:
        pixels: (..., height, width, channels) uint8.
        table: (channels, 256) int8.

    Returns:
        The same shape, int64.

    Raises:
        ConfigurationError: the pixels are no uint8, or of another number of colours.
    """
    if pixels.dtype != np.uint8 or pixels.ndim < 1 or pixels.shape[-1] != table.shape[0]:
        raise ConfigurationError(
            f"pixels are {pixels.dtype} {pixels.shape}: give uint8 with {table.shape[0]} colours "
            "in the last axis"
        )
    return table.astype(np.int64)[np.arange(table.shape[0]), pixels]
