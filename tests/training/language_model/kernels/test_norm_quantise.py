# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("triton", reason="needs Triton, whose wheels are for Linux")

from tests.training.language_model.kernels.reference import (  # noqa: E402
    assert_close,
    assert_same_codes,
    leaves,
    normed,
    random,
    straight_through,
)
from training.language_model.kernels.norm_quantise import (  # noqa: E402
    norm_quantise,
    norm_quantise_backward,
)


@pytest.mark.parametrize("outputs", [1, 3])
def test_codes_and_gradients_are_those_of_float64(device: torch.device, outputs: int) -> None:
    rows, width = 5, 72
    x = random(rows, width, device=device, seed=0, spread=3)
    norm_gain = random(width, device=device, seed=1, around=1, spread=0.2)
    own_gains = random(outputs, width, device=device, seed=2, around=1, spread=0.2)
    gradients = random(outputs, rows, width, device=device, seed=3)
    residual_gradient = random(rows, width, device=device, seed=4)
    scales = torch.linspace(0.5, 2, outputs, device=device)

    wide = leaves(x, norm_gain, own_gains)
    values = torch.stack([normed(normed(wide[0], wide[1]), gain) for gain in wide[2]])
    factors = gradients.cpu().double() * scales.cpu().double()[:, None, None]
    (straight_through(values) * factors).sum().backward()

    codes, steps = norm_quantise(x, norm_gain, own_gains)
    assert_same_codes(codes, steps, values)
    dequantised, _ = norm_quantise(x, norm_gain, own_gains, torch.float32)
    assert torch.equal(dequantised, codes * steps[..., None])
    found = norm_quantise_backward(x, norm_gain, own_gains, gradients, scales, None)
    for actual, leaf in zip(found, wide):
        assert_close(actual, leaf.grad)
    with_residual = norm_quantise_backward(
        x, norm_gain, own_gains, gradients, scales, residual_gradient
    )
    assert_close(with_residual[0], wide[0].grad + residual_gradient.cpu().double())


def test_row_of_zeros_has_zero_codes(device: torch.device) -> None:
    gain = torch.ones(16, device=device)
    codes, steps = norm_quantise(torch.zeros(2, 16, device=device), gain, gain[None])
    assert not codes.any() and (steps > 0).all()
