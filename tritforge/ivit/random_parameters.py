# SPDX-License-Identifier: Apache-2.0
"""Random integers of a model's shape, for measurements that need no checkpoint.

Weights fill their range; factors bring sums of random numbers back to the width of what follows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.random import RandomState

from tritforge.ivit.config import NUMERATOR_BITS
from tritforge.ivit.parameters import (
    LARGEST_SHIFT,
    Array,
    ArraySpecification,
    VisionParameters,
    array_specifications,
)
from tritforge.ivit.shape import VisionShape, VisionWidths

#: Typical magnitude of a number that fills its range at random, as a share of the range's half.
_SPREAD = 0.4
_BIAS = 1000


def random_parameters(shape: VisionShape, widths: VisionWidths, seed: int = 0) -> VisionParameters:
    """Parameters of a model that has learnt nothing, the same for the same seed."""
    random = RandomState(seed)
    specifications = array_specifications(shape, widths)
    arrays = {
        name: _array(name, item, random, shape, widths) for name, item in specifications.items()
    }
    return VisionParameters.from_arrays(shape, widths, arrays)


def _array(
    name: str,
    specification: ArraySpecification,
    random: RandomState,
    shape: VisionShape,
    widths: VisionWidths,
) -> Array:
    size, dtype = specification.shape, np.dtype(specification.dtype)
    if name.endswith(".multiplier"):
        bits = specification.mantissa or 1
        values = random.randint(1 << (bits - 1), 1 << bits, size, dtype=np.int64)
    elif name.endswith(".shift"):
        gain = widths.gain if "norm" in name else widths.multiplier
        shift = gain + round(math.log2(_reduction(name, shape, widths)))
        values = np.full(size, min(max(shift, 0), LARGEST_SHIFT), np.int64)
    elif name.endswith(".bias"):
        values = random.randint(-_BIAS, _BIAS + 1, size, dtype=np.int64)
    elif name == "patch_embedding.constant":
        limit = 1 << (widths.residual - 3)
        values = random.randint(-limit, limit, size, dtype=np.int64)
    elif name.endswith("x0_magnitude"):
        values = np.full(size, min(specification.largest, 1 << (widths.activation - 2)), np.int64)
    else:
        low, high = specification.smallest, specification.largest
        values = random.randint(low, high + 1, size, dtype=np.int64)
    result: Array = values.astype(dtype)
    return result


def _reduction(name: str, shape: VisionShape, widths: VisionWidths) -> float:
    """How many times larger a number is than what its factor makes of it."""
    code = _SPREAD * (1 << (widths.activation - 1))
    weight = _SPREAD * 128
    if "norm" in name:
        return float(1 << NUMERATOR_BITS - 1) / math.sqrt(shape.dim) / code
    inputs = {
        "patch_embedding.projection": shape.patch_inputs,
        "mlp.fc2": shape.hidden,
        "attention.scores": shape.head_dim,
    }
    count = next((number for key, number in inputs.items() if key in name), shape.dim)
    if "residual" in name or name.startswith("patch_embedding.patches"):
        return 1.5
    if "attention.context" in name:
        return float(1 << widths.probability - 1)
    if "gelu" in name:
        return float(1 << widths.sigmoid - 1)
    if "attention.scores" in name:
        return math.sqrt(count) * code
    if "head.classifier" in name:
        return 1.0
    to_residual = any(part in name for part in ("patch_embedding", "projection", "fc2"))
    wider = 1 << (widths.residual - widths.activation) if to_residual else 1
    return math.sqrt(count) * weight / wider
