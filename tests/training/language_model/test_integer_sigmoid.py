# SPDX-License-Identifier: Apache-2.0
"""The integer sigmoid of training against the golden model's, and a model that learns with it."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from testing.random_model import SMALL_SHAPE  # noqa: E402
from training.language_model.integer_sigmoid import IntegerSigmoid  # noqa: E402
from training.language_model.model import HGRNBit  # noqa: E402
from tritforge.language_model.config import SigmoidKind, Widths  # noqa: E402
from tritforge.language_model.golden.sigmoid import sigmoid, sigmoid_argument  # noqa: E402


@pytest.mark.parametrize("kind", list(SigmoidKind))
def test_values_are_the_golden_models(kind: SigmoidKind) -> None:
    widths, fraction = Widths(), 20
    random = np.random.default_rng(0)
    values = np.concatenate([random.integers(-(1 << 26), 1 << 26, 5000), np.arange(-9000, 9000)])
    shift = fraction - widths.sigmoid_argument_fraction
    golden = sigmoid(sigmoid_argument(values, shift, widths), widths, kind)
    x = torch.from_numpy(values * 2.0**-fraction)
    for given in (x, x.float()):
        found = IntegerSigmoid(kind)(given).double().numpy()
        assert np.array_equal(found * 2.0**widths.sigmoid_fraction, golden)


@pytest.mark.parametrize("kind", list(SigmoidKind))
def test_slope_is_that_of_the_sigmoid(kind: SigmoidKind) -> None:
    x = torch.linspace(-12, 12, 1001, dtype=torch.float64, requires_grad=True)
    IntegerSigmoid(kind)(x).sum().backward()
    exact = x.detach().sigmoid()
    assert x.grad is not None
    assert (x.grad - exact * (1 - exact)).abs().max() < 0.05


def test_a_model_learns_with_it_and_keeps_its_checkpoint() -> None:
    torch.manual_seed(0)
    model = HGRNBit(SMALL_SHAPE, sigmoid=IntegerSigmoid(SigmoidKind.SHIFT_EXPONENTIAL))
    assert set(model.state_dict()) == set(HGRNBit(SMALL_SHAPE).state_dict())
    tokens = torch.arange(40).reshape(2, 20)
    optimiser = torch.optim.AdamW(model.parameters(), 4e-3)
    losses = []
    for _ in range(12):
        loss = model.loss(tokens[:, :-1], tokens[:, 1:])
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < losses[0] - 1
    assert model.model.layers[0].attn.sigmoid is model.model.layers[1].mlp.sigmoid
