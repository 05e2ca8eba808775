# SPDX-License-Identifier: Apache-2.0
"""Golden model and C++ engine on a data set: accuracies, and pictures with another logit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from testing.idx_files import write_test_set
from testing.ivit_checkpoint import write_trained_directory
from testing.ivit_random_model import RandomModel
from tritforge.ivit.convert import convert_vision
from tritforge.ivit.convert.checkpoint import SCALE_SUFFIX
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.shape import VisionShape

pytest.importorskip("pynq_driver._engine", reason="the C++ engine is not built")

from testing import same_logits

MODEL = RandomModel(
    VisionShape(
        image_size=8, patch_size=4, channels=1, dim=12, heads=3, layers=1, hidden=20, classes=10
    )
)
PIXELS = MODEL.images(45)
CLASSES = np.random.default_rng(3).integers(0, 10, 45).astype(np.uint8)


@pytest.fixture
def pictures(tmp_path: Path) -> same_logits.OpenPictures:
    folder = write_test_set(tmp_path / "data", PIXELS[..., 0], CLASSES)
    return same_logits.fashion_mnist(folder)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return write_trained_directory(tmp_path / "int8", MODEL)


def right(logits: NDArray[np.int64], count: int) -> float:
    return 100 * float((logits[:count].argmax(axis=1) == CLASSES[:count]).mean())


@pytest.mark.parametrize("limit", [None, 21])
def test_directory_and_image_have_the_same_logits_on_both(
    trained: Path, pictures: same_logits.OpenPictures, limit: int | None, tmp_path: Path
) -> None:
    image = convert_vision(trained, tmp_path / "image.tritforge").path
    count = limit or 45
    expected = right(IvitGoldenModel(MODEL.parameters).logits(PIXELS), count)
    for source in (trained, image):
        row = same_logits.compare(source, pictures, limit, processes=1)
        assert (row.model, row.pictures, row.weights) == (source.stem, count, "int8")
        assert (row.golden, row.cpu, row.unlike) == (expected, expected, 0)
        assert f"{expected:.2f} %" in same_logits.table([row])


def test_one_wrong_logit_is_counted(
    trained: Path, pictures: same_logits.OpenPictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(same_logits.CpuVisionBackend):
        def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
            found = super().logits(pixels).copy()
            found[(pixels == PIXELS[30]).all(axis=(1, 2, 3)), 4] += 1
            return found

    monkeypatch.setattr(same_logits, "CpuVisionBackend", Wrong)
    assert same_logits.compare(trained, pictures, None, processes=1).unlike == 1


def test_float_directory_has_the_accuracy_of_its_network(
    trained: Path, pictures: same_logits.OpenPictures
) -> None:
    weights = trained / "model.safetensors"
    tensors = load_file(weights)
    save_file({name: t for name, t in tensors.items() if not name.endswith(SCALE_SUFFIX)}, weights)
    row = same_logits.compare(trained, pictures, None, processes=1)
    reals = MODEL.reference.logits(MODEL.preprocessing.normalise(PIXELS))
    assert row.golden == 100 * float((reals.argmax(axis=1) == CLASSES).mean())
    assert (row.cpu, row.unlike) == (None, None)
    assert "float" in same_logits.table([row])
