# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from training.language_model.model import HGRNBit  # noqa: E402
from training.language_model.optimisers import Optimisers, is_block_matrix  # noqa: E402
from training.language_model.options import TrainingOptions  # noqa: E402
from tritforge.language_model.config import ModelShape  # noqa: E402

SHAPE = ModelShape(16, 2, 32, 270)


def stepped(optimiser: str, decay: float, gradient: float = 0.0) -> tuple[HGRNBit, HGRNBit]:
    """Model before and after one step."""
    before = HGRNBit(SHAPE, torch.Generator().manual_seed(0))
    model = HGRNBit(SHAPE, torch.Generator().manual_seed(0))
    optimisers = Optimisers(model, TrainingOptions(SHAPE, optimiser=optimiser))
    for parameter in model.parameters():
        parameter.grad = gradient * torch.randn(parameter.shape)
    optimisers.step(0.1, decay)
    assert all(parameter.grad is None for parameter in model.parameters())
    return before, model


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_matrices_decay_and_nothing_else(optimiser: str) -> None:
    before, after = stepped(optimiser, decay=0.5)
    for (name, old), new in zip(before.named_parameters(), after.parameters()):
        decays = old.dim() == 2 and name != "model.lower_bounds"
        expected = old * (1 - 0.1 * 0.5) if decays else old
        assert torch.allclose(new, expected, atol=1e-6), name


def test_muon_steps_the_blocks_matrices() -> None:
    torch.manual_seed(0)
    before, after = stepped("muon", decay=0.0, gradient=1.0)
    for (name, old), new in zip(before.named_parameters(), after.parameters()):
        update = (new - old).detach()
        if is_block_matrix(name):  # orthogonal: all singular values alike
            values = torch.linalg.svdvals(update)
            assert values.max() < 2.5 * values.min(), name
        else:  # AdamW's first step has one size everywhere
            assert torch.allclose(update.abs(), torch.tensor(0.1), rtol=1e-2), name


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_restored_state_goes_on_as_the_first(optimiser: str) -> None:
    options = TrainingOptions(SHAPE, optimiser=optimiser)
    generator = torch.Generator().manual_seed(1)
    gradients = [torch.randn(p.shape, generator=generator) for p in HGRNBit(SHAPE).parameters()]
    model = HGRNBit(SHAPE, torch.Generator().manual_seed(0))
    optimisers = Optimisers(model, options)
    results = []
    for _ in range(2):
        for parameter, gradient in zip(model.parameters(), gradients):
            parameter.grad = gradient.clone()
        optimisers.step(0.01, 0.1)
        results.append({name: value.clone() for name, value in model.state_dict().items()})
        if len(results) == 1:
            state = copy.deepcopy(optimisers.state())
    other = HGRNBit(SHAPE)
    other.load_state_dict(results[0])
    resumed = Optimisers(other, options)
    resumed.restore(state)
    for parameter, gradient in zip(other.parameters(), gradients):
        parameter.grad = gradient.clone()
    resumed.step(0.01, 0.1)
    assert all(torch.equal(results[1][name], value) for name, value in other.state_dict().items())


def test_state_of_other_optimisers_is_refused() -> None:
    model = HGRNBit(SHAPE)
    one = Optimisers(model, TrainingOptions(SHAPE, optimiser="adamw"))
    with pytest.raises(ValueError, match="optimisers saved"):
        Optimisers(model, TrainingOptions(SHAPE, optimiser="muon")).restore(one.state())
