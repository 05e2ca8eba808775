# SPDX-License-Identifier: Apache-2.0
"""The three products of a BitLinear: forward on int8, and the gradients of input and weight."""

from __future__ import annotations

import torch
from torch import Tensor

from training.language_model.kernels.ternary_matmul import ternary_matmul
from training.language_model.kernels.ternary_weights import ternary_weights, weight_scale


def ternary_product(
    codes: Tensor, steps: Tensor, weight: Tensor, result: Tensor, residual: Tensor | None = None
) -> Tensor:
    """Write the BitLinear's product to `result` and return the scale of the weights.

    Args:
        codes: (rows, inputs) int8, with `steps` (rows,).
        weight: (outputs, inputs) latent.
        result: (rows, outputs).
        residual: added, if given.
    """
    scale = weight_scale(weight)
    ternary_matmul(codes, steps, ternary_weights(weight, scale), scale, result, residual)
    return scale


def input_gradient(
    gradient: Tensor, weight: Tensor, scale: Tensor, out: Tensor | None = None
) -> Tensor:
    """Gradient of the dequantised codes, divided by the weight scale: the trits are exact in bf16.

    Args:
        gradient: (rows, outputs) of the product.
    """
    return torch.mm(gradient, ternary_weights(weight, scale, gradient.dtype), out=out)


def weight_gradient(gradient: Tensor, inputs: Tensor) -> Tensor:
    """Gradient (outputs, inputs) float32 of the latent weights, straight through their rounding.

    Args:
        gradient: (rows, outputs) of the product.
        inputs: (rows, inputs) dequantised codes of the same type.
    """
    if gradient.is_cuda and gradient.dtype != torch.float32:
        return torch.mm(gradient.t(), inputs, out_dtype=torch.float32)
    return torch.mm(gradient.t(), inputs).float()
