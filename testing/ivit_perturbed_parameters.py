# SPDX-License-Identifier: Apache-2.0
"""Parameters of a vision transformer driven to what no calibration gives, within their ranges.

Factors with mantissas of few bits, so that products lie halfway between two integers, factors
beyond 1, of 0 and of the other sign, weights of -128, biases at the limit of their sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from tritforge.ivit.parameters import (
    LARGEST_ACCUMULATOR,
    LARGEST_SHIFT,
    ArraySpecification,
    VisionParameters,
    array_specifications,
)

Array = NDArray[Any]

#: Share of the numbers of an array that are replaced by any others.
_WILD = 0.03


def perturbed_parameters(parameters: VisionParameters, seed: int) -> VisionParameters:
    """Parameters of the same shape and widths that pass every check, most of them near the old."""
    shape, widths, random = parameters.shape, parameters.widths, RandomState(seed)
    arrays = parameters.to_arrays()
    for name, specification in array_specifications(shape, widths).items():
        if name.endswith(".multiplier"):
            shift = name.removesuffix("multiplier") + "shift"
            arrays[name] = _multipliers(arrays[name], specification, random)
            arrays[shift] = _shifts(arrays[shift], random)
        elif name.endswith(".weight"):
            bias = name.removesuffix("weight") + "bias"
            arrays[name] = _wild(arrays[name], specification, random)
            sums = np.abs(arrays[name].astype(np.int64)).sum(axis=1) << (widths.activation - 1)
            arrays[bias] = _biases(arrays[bias], LARGEST_ACCUMULATOR - sums, random)
        elif name.endswith("x0_magnitude"):
            scale = 2.0 ** random.uniform(-2, 2)
            arrays[name] = np.clip(arrays[name] * scale, 1, specification.largest).astype(np.int32)
        elif not name.endswith(".shift") and name.removesuffix("bias") + "weight" not in arrays:
            arrays[name] = _wild(arrays[name], specification, random)
    return VisionParameters.from_arrays(shape, widths, arrays)


def _any(specification: ArraySpecification, random: RandomState) -> Array:
    low, high = specification.smallest, specification.largest
    values = random.randint(low, high + 1, specification.shape, dtype=np.int64)
    ends = random.choice([low, high], specification.shape)
    return np.where(random.uniform(size=specification.shape) < 0.5, ends, values)


def _wild(array: Array, specification: ArraySpecification, random: RandomState) -> Array:
    """Some of the numbers replaced by any in the range."""
    chosen = random.uniform(size=array.shape) < _WILD
    return np.where(chosen, _any(specification, random), array).astype(array.dtype)


def _multipliers(array: Array, specification: ArraySpecification, random: RandomState) -> Array:
    """Multipliers cut to a random number of bits, now and then 0, of either sign where allowed."""
    dropped = random.randint(0, 31, array.shape)
    values = np.abs(array.astype(np.int64))
    values = np.where(random.uniform(size=array.shape) < 0.5, values, values >> dropped << dropped)
    values[random.uniform(size=array.shape) < _WILD / 2] = 0
    if specification.smallest < 0:
        values *= random.choice([-1, 1], array.shape)
    return values.astype(array.dtype)


def _shifts(array: Array, random: RandomState) -> Array:
    """Some results twice or half as large, a few anywhere."""
    values = array + random.randint(-2, 2, array.shape)
    chosen = random.uniform(size=array.shape) < _WILD
    wild = random.randint(0, LARGEST_SHIFT + 1, array.shape)
    return np.clip(np.where(chosen, wild, values), 0, LARGEST_SHIFT).astype(array.dtype)


def _biases(array: Array, room: Array, random: RandomState) -> Array:
    """Some at the end of the room that the products leave."""
    ends = random.choice([-1, 1], array.shape) * room
    chosen = random.uniform(size=array.shape) < _WILD
    return np.clip(np.where(chosen, ends, array), -room, room).astype(array.dtype)
