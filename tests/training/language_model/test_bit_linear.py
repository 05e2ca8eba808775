# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from training.language_model.bit_linear import (  # noqa: E402
    BitLinear,
    RMSNorm,
    quantise_activations,
    ternarise_weights,
)
from tritforge.language_model.convert.converter import ternarise  # noqa: E402
from tritforge.language_model.float_parameters import USUAL_EPSILONS  # noqa: E402
from tritforge.language_model.reference import quantise, rms_norm  # noqa: E402


def test_norm_has_the_references_epsilon() -> None:
    x = np.array([[1e-3, -2e-3, 0.0, 1e-3]])  # so small that 1e-8 would give another result
    found = RMSNorm(4)(torch.from_numpy(x)).detach().numpy()
    assert np.allclose(found, rms_norm(x, None, USUAL_EPSILONS.linear), rtol=1e-12)


def test_codes_are_the_references() -> None:
    x = np.random.default_rng(0).normal(size=(50, 33))
    codes, step = quantise_activations(torch.from_numpy(x))
    expected, expected_step = quantise(x)
    assert np.array_equal(codes.numpy(), expected)
    assert np.array_equal(step.numpy(), expected_step)


def test_halves_round_to_even() -> None:
    codes, _ = quantise_activations(torch.tensor([[127.0, 0.5, 1.5, -0.5, -1.5]]))
    assert codes.tolist() == [[127, 0, 2, 0, -2]]


def test_ternary_weights_are_the_converters() -> None:
    weight = np.random.default_rng(0).normal(size=(70, 33)).astype(np.float32)
    trits, scale = ternarise_weights(torch.from_numpy(weight))
    expected, expected_scale = ternarise(weight)
    assert np.array_equal(trits.numpy(), expected)
    assert float(scale) == pytest.approx(expected_scale, rel=1e-7)


def test_training_and_inference_give_the_same_product() -> None:
    torch.manual_seed(0)
    layer = BitLinear(24, 10).double()
    torch.nn.init.normal_(layer.weight)
    x = torch.randn(3, 24, dtype=torch.float64)
    with torch.no_grad():
        inference = layer(x)
    assert torch.allclose(layer(x), inference, rtol=1e-12)


def test_gradient_goes_straight_through() -> None:
    torch.manual_seed(0)
    layer = BitLinear(8, 4).double()
    torch.nn.init.normal_(layer.weight)
    x = torch.randn(5, 8, dtype=torch.float64)
    gradient = torch.randn(5, 4, dtype=torch.float64)
    (layer(x) * gradient).sum().backward()
    codes, step = quantise_activations(layer.norm(x).detach())
    assert torch.allclose(layer.weight.grad, gradient.T @ (codes * step))
