# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("triton", reason="needs Triton, whose wheels are for Linux")

from tests.training.language_model.kernels.reference import random  # noqa: E402
from training.language_model.kernels.ternary_matmul import ternary_matmul  # noqa: E402


# A rest in every direction, and none.
@pytest.mark.parametrize("rows, columns, depth", [(5, 300, 72), (130, 70, 128), (128, 256, 256)])
def test_product_is_exact(device: torch.device, rows: int, columns: int, depth: int) -> None:
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(-127, 128, (rows, depth), generator=generator).to(torch.int8)
    trits = torch.randint(-1, 2, (columns, depth), generator=generator).to(torch.int8)
    # Powers of two keep the factors exact.
    steps = 2.0 ** torch.randint(-8, 0, (rows,), generator=generator)
    scale = torch.tensor(0.25)
    expected = (codes.double() @ trits.double().T) * steps.double()[:, None] * scale.double()
    arguments = [tensor.to(device) for tensor in (codes, steps, trits, scale)]
    result = torch.empty(rows, columns, device=device)
    assert torch.equal(ternary_matmul(*arguments, result).cpu().double(), expected)
    residual = random(rows, columns, device=device, seed=1)
    with_residual = ternary_matmul(*arguments, torch.empty_like(result), residual)
    assert torch.equal(with_residual, result + residual)
