# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from training.language_model.recurrence import gated_recurrence, scan, shifted  # noqa: E402


@pytest.mark.parametrize("time", [1, 2, 13, 16])
def test_scan_is_the_loop(time: int) -> None:
    torch.manual_seed(0)
    x, forget = torch.randn(2, time, 3).double(), torch.rand(2, time, 3).double()
    state, expected = torch.zeros(2, 3).double(), []
    for step in range(time):
        state = forget[:, step] * state + x[:, step]
        expected.append(state)
    assert torch.allclose(scan(x, forget), torch.stack(expected, 1))


def test_gradients_are_those_of_differences() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
    forget = torch.rand(2, 5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(gated_recurrence, (x, forget))


def test_shift_fills_with_zero() -> None:
    x = torch.tensor([[[1.0], [2.0], [3.0]]])
    assert shifted(x, 1).flatten().tolist() == [0, 1, 2]
    assert shifted(x, -1).flatten().tolist() == [2, 3, 0]
