# SPDX-License-Identifier: Apache-2.0
"""The float reference straight from a checkpoint, untouched by any fixed-point format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tritforge.language_model.convert.checkpoint import Checkpoint
from tritforge.language_model.convert.converter import ternarise
from tritforge.language_model.convert.float_operations import (
    cumulative_lower_bounds,
    gather_float_operation,
)
from tritforge.language_model.convert.tensor_shapes import EMBEDDING, LOWER_BOUNDS, module_names
from tritforge.language_model.float_parameters import FloatArray
from tritforge.language_model.program import operation_shapes
from tritforge.language_model.reference import FloatModel


def float_model(folder: Path) -> FloatModel:
    """Float64 model of a checkpoint directory; all weights in memory at four bytes each.

    Raises:
        CheckpointError: the directory is not a supported HGRNBit checkpoint.
    """
    checkpoint = Checkpoint(folder)

    def load(name: str) -> FloatArray:
        return checkpoint.load(name).astype(np.float64)

    lower_bounds = cumulative_lower_bounds(load(LOWER_BOUNDS))
    operations, matrices = [], []
    for item in operation_shapes(checkpoint.shape):
        if not item.matrices:
            continue
        pairs = [ternarise(checkpoint.load(f"{module}.weight")) for module in module_names(item)]
        scales = [scale for _, scale in pairs]
        operations.append(gather_float_operation(item, load, scales, lower_bounds))
        rows = np.concatenate([trits for trits, _ in pairs])
        matrices.append(
            tuple(
                np.ascontiguousarray(block.T, np.float32) for block in np.split(rows, item.matrices)
            )
        )
    return FloatModel(
        checkpoint.shape,
        load(EMBEDDING),
        tuple(operations),
        tuple(matrices),
        checkpoint.epsilons,
    )
