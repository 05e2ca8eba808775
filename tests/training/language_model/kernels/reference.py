# SPDX-License-Identifier: Apache-2.0
"""Float64 autograd that kernels are compared with, and what "equal" means for them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from training.language_model.bit_linear import quantise_activations
from tritforge.language_model.float_parameters import USUAL_EPSILONS

#: Largest error of a float32 kernel against float64, relative to the largest value.
TOLERANCE = 2e-5


def normed(x: Tensor, gain: Tensor) -> Tensor:
    """RMSNorm with the project's epsilon."""
    return functional.rms_norm(x, x.shape[-1:], gain, USUAL_EPSILONS.linear)


def straight_through(x: Tensor) -> Tensor:
    """Dequantised codes of x, with the gradient of x."""
    codes, step = quantise_activations(x.detach())
    return x + codes * step - x.detach()


def random(
    *shape: int, device: torch.device, seed: int, around: float = 0.0, spread: float = 1.0
) -> Tensor:
    """float32 values that depend on the seed alone."""
    generator = torch.Generator().manual_seed(seed)
    return (around + spread * torch.randn(*shape, generator=generator)).to(device)


def leaves(*tensors: Tensor) -> list[Tensor]:
    """float64 copies on the CPU that gather gradients."""
    return [tensor.detach().cpu().double().requires_grad_() for tensor in tensors]


def assert_close(actual: Tensor, expected: Tensor, tolerance: float = TOLERANCE) -> None:
    """Equal within `tolerance` of the largest expected value."""
    error = (actual.detach().cpu().double() - expected.detach()).abs().max()
    assert actual.shape == expected.shape
    assert error <= tolerance * expected.detach().abs().max(), float(error)


def assert_same_codes(codes: Tensor, steps: Tensor, values: Tensor) -> None:
    """Codes of float32 values: those of float64, but for one in a thousand next to a half."""
    expected, step = quantise_activations(values.detach())
    difference = (codes.cpu().double() - expected).abs()
    assert difference.max() <= 1 and (difference > 0).double().mean() < 1e-3
    assert_close(steps, step[..., 0])
