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
from training.language_model.kernels.glu_quantise import (  # noqa: E402
    glu_quantise,
    glu_quantise_backward,
)


def test_codes_and_gradients_are_those_of_float64(device: torch.device) -> None:
    rows, width, scale = 5, 72, 0.7
    pair = random(rows, 2 * width, device=device, seed=0, spread=2)
    own_gain = random(width, device=device, seed=1, around=1, spread=0.2)
    gradients = random(rows, width, device=device, seed=2)

    wide = leaves(pair, own_gain)
    gate, up = wide[0].chunk(2, -1)
    values = normed(torch.nn.functional.silu(gate) * up, wide[1])
    (straight_through(values) * gradients.cpu().double() * scale).sum().backward()

    codes, steps = glu_quantise(pair, own_gain)
    assert_same_codes(codes, steps, values)
    dequantised, _ = glu_quantise(pair, own_gain, torch.float32)
    assert torch.equal(dequantised, codes * steps[:, None])
    found = glu_quantise_backward(pair, own_gain, gradients, torch.tensor(scale, device=device))
    for actual, leaf in zip(found, wide):
        assert_close(actual, leaf.grad)


def test_large_gates_do_not_overflow(device: torch.device) -> None:
    pair = torch.tensor([[-200.0] * 16 + [1.0] * 16, [200.0] * 16 + [1.0] * 16], device=device)
    gain = torch.ones(16, device=device)
    codes, _ = glu_quantise(pair, gain)
    assert not codes[0].any() and (codes[1] == 127).all()
    gradients = torch.ones(2, 16, device=device)
    found, _ = glu_quantise_backward(pair, gain, gradients, torch.tensor(1.0, device=device))
    assert torch.isfinite(found).all()
