# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("triton", reason="needs Triton, whose wheels are for Linux")

from tests.training.language_model.kernels.reference import (  # noqa: E402
    assert_close,
    leaves,
    random,
)
from training.language_model.kernels.cross_entropy import cross_entropy  # noqa: E402


# Less than a block, more than one, and logits far apart.
@pytest.mark.parametrize("vocabulary, spread", [(50, 1.0), (5000, 3.0), (300, 300.0)])
def test_losses_and_gradients_are_those_of_float64(
    device: torch.device, vocabulary: int, spread: float
) -> None:
    logits = random(6, vocabulary, device=device, seed=0, spread=spread)
    targets = torch.tensor([0, 1, vocabulary - 1, 7, 7, 20], device=device)
    (wide,) = leaves(logits)
    expected = torch.nn.functional.cross_entropy(wide, targets.cpu(), reduction="none")
    (expected.sum() * 0.5).backward()
    losses = cross_entropy(logits, targets, 0.5)
    assert_close(losses, expected)
    assert_close(logits, wide.grad)
