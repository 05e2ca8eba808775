# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("triton", reason="needs Triton, whose wheels are for Linux")

from tests.training.language_model.kernels.reference import random  # noqa: E402
from training.language_model.kernels.ternary_weights import (  # noqa: E402
    ternary_weights,
    weight_scale,
)
from tritforge.language_model.convert.converter import ternarise  # noqa: E402


def test_weights_are_those_of_the_converter(device: torch.device) -> None:
    weight = random(130, 72, device=device, seed=0, spread=0.02)
    weight[0, 0] = 1e3 * weight.abs().max()  # an outlier
    expected, scale = ternarise(weight.cpu().numpy())
    found = weight_scale(weight)
    assert float(found) == pytest.approx(scale, rel=1e-6)
    trits = ternary_weights(weight, found)
    assert trits.dtype == torch.int8
    assert np.array_equal(trits.cpu().numpy(), expected)
    wide = ternary_weights(weight, found, torch.bfloat16)
    assert torch.equal(wide.float(), trits.float())


def test_halves_round_to_even(device: torch.device) -> None:
    weight = torch.tensor([[0.5, -0.5, 0.5000001, 1.5, -7.0, 0.0]], device=device)
    trits = ternary_weights(weight, torch.tensor(1.0, device=device))
    assert trits.tolist() == [[0, 0, 1, 1, -1, 0]]
