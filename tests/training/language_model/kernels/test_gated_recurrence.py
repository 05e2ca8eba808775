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
from training.language_model.kernels.gated_recurrence import (  # noqa: E402
    border_states,
    states,
    states_backward,
)


# Shorter than a chunk, exactly two, and a rest; channels of two programs.
@pytest.mark.parametrize("time, width", [(7, 24), (64, 16), (33, 130)])
def test_states_and_gradients_are_those_of_float64(
    device: torch.device, time: int, width: int
) -> None:
    batch = 2
    candidate = random(batch, time, width, device=device, seed=0)
    forget = random(batch, time, width, device=device, seed=1, around=1, spread=2)
    lower_bound = random(width, device=device, seed=2).sigmoid()
    # A view with gaps, as the first of the border states is.
    initial = random(batch, 2, width, device=device, seed=3)[:, 0]
    gradients = random(batch, time, width, device=device, seed=4)
    carried = random(batch, time, device=device, seed=5) < 1
    carried[0, 0] = carried[1, time - 1] = False

    wide = leaves(candidate, forget, lower_bound, initial)
    state, expected = wide[3], []
    for step in range(time):
        gate = wide[2] + (1 - wide[2]) * wide[1][:, step].sigmoid()
        kept = carried[:, step, None].cpu() * state
        state = gate * kept + (1 - gate) * torch.nn.functional.silu(wide[0][:, step])
        expected.append(state)
    hidden = torch.stack(expected, 1)
    (hidden * gradients.cpu().double()).sum().backward()

    borders = border_states(candidate, forget, carried, lower_bound, initial)
    found = states(candidate, forget, carried, lower_bound, borders)
    assert_close(found, hidden)
    backward = states_backward(candidate, forget, carried, lower_bound, found, initial, gradients)
    for actual, leaf in zip(backward, wide):
        assert_close(actual, leaf.grad)


def test_sequences_of_a_batch_do_not_meet(device: torch.device) -> None:
    candidate = random(2, 33, 16, device=device, seed=0)
    forget = random(2, 33, 16, device=device, seed=1)
    bound, initial = torch.zeros(16, device=device), torch.zeros(2, 16, device=device)
    carried = torch.ones(2, 33, dtype=torch.bool, device=device)
    borders = border_states(candidate, forget, carried, bound, initial)
    together = states(candidate, forget, carried, bound, borders)
    for index in range(2):
        one = slice(index, index + 1)
        part = candidate[one].contiguous(), forget[one].contiguous(), carried[one]
        alone = states(*part, bound, border_states(*part, bound, initial[one]))
        assert torch.equal(together[one], alone)
