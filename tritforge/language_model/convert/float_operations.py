# SPDX-License-Identifier: Apache-2.0
"""Gains, lower bounds and weight scales of a checkpoint, operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tritforge.language_model.convert.tensor_shapes import module_names, norm_name
from tritforge.language_model.float_parameters import FloatArray, FloatOperation
from tritforge.language_model.program import OperationShape


def cumulative_lower_bounds(raw: FloatArray) -> FloatArray:
    """Lower bounds (layers, dim) of the forget gates from the trained `model.lower_bounds`.

    Softmax over the layers, cumulative, minus the first row, so the first layer has none.
    Source: `HGRNBitModel.forward` of ridgerchu/matmulfreellm.
    """
    weights = np.exp(raw - raw.max(0))
    weights /= weights.sum(0)
    return np.clip(np.cumsum(weights, 0) - weights[0], 0.0, 1.0)


def gather_float_operation(
    item: OperationShape,
    load: Callable[[str], FloatArray],
    weight_scales: Sequence[float],
    lower_bounds: FloatArray,
) -> FloatOperation:
    """The gains, scales and lower bound of one operation out of a state dict.

    Args:
        load: a gain by its state-dict name.
        weight_scales: mean |W| of every module of `module_names`, in order.
        lower_bounds: (layers, dim) from `cumulative_lower_bounds`.
    """
    norm, modules = norm_name(item), module_names(item)
    return FloatOperation(
        norm_gain=None if norm is None else load(norm),
        own_gains=np.stack([load(f"{module}.norm.weight") for module in modules]),
        weight_scales=np.array(weight_scales),
        lower_bound=lower_bounds[item.layer] if item.has_lower_bound else None,
    )
