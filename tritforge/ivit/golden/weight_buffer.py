# SPDX-License-Identifier: Apache-2.0
"""Weight buffer: the weight stream taken apart into weights, biases and factors.

A slice of a linear layer is two words per feature (`channel_factors`), then for every input the
weights of all features, a byte each in whole words (`slice_weights`). A norm is two words per
channel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array


def channel_factors(words: NDArray[np.uint64]) -> Int64Array:
    """Bias, multiplier and shift of every channel.

    Args:
        words: (2 * channels,): bias in the low and multiplier in the high 32 bits, both signed;
            then the shift.

    Returns:
        (channels, 3) int64.
    """
    pairs = words.reshape(-1, 2)
    halves = _bytes(pairs[:, 0]).view("<i4").reshape(-1, 2)
    return np.column_stack([halves, pairs[:, 1].astype(np.int64)]).astype(np.int64)


def slice_weights(words: NDArray[np.uint64], inputs: int, feature_lanes: int) -> Int64Array:
    """Weights of one slice, as the array takes them.

    Args:
        words: (inputs * words of an input,).

    Returns:
        (inputs, feature_lanes) int64 of 8 signed bits.
    """
    numbers = _bytes(words).view(np.int8).reshape(inputs, -1)
    return numbers[:, :feature_lanes].astype(np.int64)


def _bytes(words: NDArray[np.uint64]) -> NDArray[Any]:
    return np.ascontiguousarray(words.astype("<u8"))
