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
from training.language_model.kernels.gated_norm_quantise import (  # noqa: E402
    gated_norm_quantise,
    gated_norm_quantise_backward,
)


def test_codes_and_gradients_are_those_of_float64(device: torch.device) -> None:
    rows, width, scale = 5, 72, 0.7
    gate = random(rows, width, device=device, seed=0, spread=3)
    hidden = random(rows, width, device=device, seed=1)
    norm_gain = random(width, device=device, seed=2, around=1, spread=0.2)
    own_gain = random(width, device=device, seed=3, around=1, spread=0.2)
    gradients = random(rows, width, device=device, seed=4)

    wide = leaves(gate, hidden, norm_gain, own_gain)
    product = normed(wide[0], wide[2]) * torch.nn.functional.silu(wide[1])
    values = normed(product, wide[3])
    (straight_through(values) * gradients.cpu().double() * scale).sum().backward()

    codes, steps = gated_norm_quantise(gate, hidden, norm_gain, own_gain)
    assert_same_codes(codes, steps, values)
    dequantised, _ = gated_norm_quantise(gate, hidden, norm_gain, own_gain, torch.float32)
    assert torch.equal(dequantised, codes * steps[:, None])
    found = gated_norm_quantise_backward(
        gate, hidden, norm_gain, own_gain, gradients, torch.tensor(scale, device=device)
    )
    for actual, leaf in zip(found, wide):
        assert_close(actual, leaf.grad)
