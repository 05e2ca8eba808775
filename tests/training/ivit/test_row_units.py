# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from training.ivit import row_units  # noqa: E402
from tritforge.ivit import golden  # noqa: E402
from tritforge.ivit.golden.shift_exponential import (  # noqa: E402
    sigmoid_x0_magnitude_of,
    x0_magnitude_of,
)
from tritforge.ivit.shape import VisionUnits, VisionWidths, preset  # noqa: E402

SHAPE = preset("fashion-mnist")


@pytest.mark.parametrize("scale", [0.0008, 0.004, 0.01, 0.031, 0.0625, 0.3])
@pytest.mark.parametrize("probability", [4, 8, 16])
def test_shiftmax_is_golden(scale: float, probability: int) -> None:
    config = VisionUnits(SHAPE, VisionWidths(probability=probability)).shiftmax
    scores = np.random.RandomState(1).randint(-128, 128, (60, SHAPE.tokens))
    expected = golden.shiftmax(scores, x0_magnitude_of(scale), config)
    result = row_units.shiftmax(
        torch.from_numpy(scores).float(), torch.tensor(scale), config.n, config.share_bits
    )
    np.testing.assert_array_equal(result.numpy(), expected)


@pytest.mark.parametrize("scale", [0.0047, 0.01, 0.031, 0.0625, 0.3])
@pytest.mark.parametrize("highest", [127, 3, -5])
def test_shiftgelu_is_golden(scale: float, highest: int) -> None:
    config = VisionUnits(SHAPE, VisionWidths()).shiftgelu
    x = np.random.RandomState(2).randint(-128, highest + 1, (40, SHAPE.hidden))
    expected = golden.shiftgelu(x, sigmoid_x0_magnitude_of(scale), config)
    result = row_units.shiftgelu(
        torch.from_numpy(x).float(), torch.tensor(scale), config.n, config.share_bits
    )
    np.testing.assert_array_equal(result.numpy(), expected)


@pytest.mark.parametrize("reach", [1, 5, 100, 5000, 32767])
def test_layer_norm_is_golden(reach: int) -> None:
    config = VisionUnits(SHAPE, VisionWidths()).layer_norm
    x = np.random.RandomState(3).randint(-reach, reach + 1, (300, SHAPE.dim))
    expected = golden.layer_norm(x, np.zeros(SHAPE.dim, np.int32), config)
    result = row_units.layer_norm(torch.from_numpy(x).float())
    np.testing.assert_array_equal(result.numpy(), expected)


def test_gradients_are_those_of_the_smooth_functions() -> None:
    scores = torch.randint(-50, 50, (3, 10)).float().requires_grad_()
    scale = torch.tensor(0.05)
    weight = torch.randn(3, 10)
    (row_units.shiftmax(scores, scale, 15, 15) * weight).sum().backward()
    exact = scores.grad
    smooth = scores.detach().clone().requires_grad_()
    (torch.softmax(smooth * scale, -1) * 2**15 * weight).sum().backward()
    assert exact is not None and smooth.grad is not None
    torch.testing.assert_close(exact, smooth.grad)
