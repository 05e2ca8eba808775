# SPDX-License-Identifier: Apache-2.0
"""The plain model against the float64 reference of the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from testing.random_model import SMALL_SHAPE  # noqa: E402
from training.language_model.checkpoint_folder import load_model  # noqa: E402
from training.language_model.model import HGRNBit  # noqa: E402
from tritforge.language_model.convert.float_model import float_model  # noqa: E402
from tritforge.language_model.convert.random_checkpoint import (  # noqa: E402
    BEGIN_TOKEN,
    write_random_checkpoint,
)
from tritforge.language_model.convert.tensor_shapes import expected_shapes  # noqa: E402


def test_state_dict_has_upstreams_names_and_shapes() -> None:
    state = HGRNBit(SMALL_SHAPE).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == expected_shapes(
        SMALL_SHAPE
    )


def test_first_weights_depend_on_the_generator_alone() -> None:
    one, same, other = (
        HGRNBit(SMALL_SHAPE, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters()))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert any(not torch.equal(a, c) for a, _, c in pairs)


@pytest.mark.parametrize("is_training", [False, True])
def test_logits_are_those_of_the_reference(tmp_path: Path, is_training: bool) -> None:
    write_random_checkpoint(tmp_path, SMALL_SHAPE)
    reference, model = float_model(tmp_path), load_model(tmp_path).double()
    tokens = np.random.default_rng(0).integers(0, SMALL_SHAPE.vocabulary, (2, 40))
    state = reference.new_state(batch=2)
    expected = np.stack([reference.step(state, column) for column in tokens.T], 1)
    with torch.set_grad_enabled(is_training):
        logits = model(torch.from_numpy(tokens)).detach().numpy()
    assert np.abs(logits - expected).max() < 1e-9 * np.abs(expected).max()


def test_single_precision_stays_near_the_reference(tmp_path: Path) -> None:
    write_random_checkpoint(tmp_path, SMALL_SHAPE)
    tokens = torch.arange(30)[None]
    model = load_model(tmp_path)
    with torch.no_grad():
        single, double = model(tokens).double(), model.double()(tokens)
    # A code next to a half may round the other way: one of 127 steps in one of many inputs.
    assert (single - double).abs().max() < 0.02 * double.abs().max()


def test_separate_documents_do_not_see_each_other(tmp_path: Path) -> None:
    write_random_checkpoint(tmp_path, SMALL_SHAPE)
    model = load_model(tmp_path).double()
    first, second = torch.arange(10, 20), torch.arange(30, 45)
    begin = torch.tensor([BEGIN_TOKEN])
    packed = torch.cat([begin, first, begin, second])[None]
    alone = torch.cat([begin, second])[None]
    for separates in (True, False):
        model.model.separates_documents = separates
        with torch.no_grad():
            together, by_itself = model(packed)[0, len(first) + 1 :], model(alone)[0]
        assert torch.allclose(together, by_itself, rtol=0, atol=1e-9) == separates
