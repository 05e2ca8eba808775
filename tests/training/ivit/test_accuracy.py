# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from testing.ivit_random_model import RandomModel
from tests.training.ivit.tiny import SHAPE, shades, write_idx
from training.ivit.accuracy import measure, table
from training.ivit.model import Quantisation
from training.ivit.trained import TrainedModel, write_trained
from tritforge.errors import CheckpointError


@pytest.mark.parametrize("quantised", [True, False])
def test_both_accuracies_of_a_trained_directory(tmp_path: Path, quantised: bool) -> None:
    random, images = RandomModel(SHAPE, seed=1), shades(45, seed=2)
    write_idx(tmp_path / "data", "t10k", images)
    trained = TrainedModel(
        "random",
        SHAPE,
        Quantisation(),
        random.preprocessing,
        tuple("abc"),
        random.tensors,
        random.scales if quantised else {},
    )
    write_trained(tmp_path / "random", trained)
    row = measure(tmp_path / "random", tmp_path / "data", 40, processes=1, device="cpu")
    assert row.images == 40
    if quantised:
        assert row.golden == row.pytorch
        assert (row.same_class, row.unlike) == (40, 0)
    else:
        reals = random.reference.logits(random.preprocessing.normalise(images.pixels[:40]))
        right = (reals.argmax(1) == images.classes[:40]).mean()
        assert row.pytorch == pytest.approx(100 * float(np.float64(right)))
        assert row.golden is None
    text = table([row])
    assert "random" in text and f"{row.pytorch:.2f} %" in text and "40 test images" in text


def test_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nothing is no trained directory"):
        measure(tmp_path / "nothing", tmp_path, None, processes=1, device="cpu")
