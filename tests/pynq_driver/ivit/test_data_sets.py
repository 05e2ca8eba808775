# SPDX-License-Identifier: Apache-2.0
"""Labelled pictures from idx files and from folders, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pynq_driver.ivit.data_sets import FASHION_MNIST, open_data_set, read_idx
from testing.idx_files import idx_bytes, write_test_set
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.shape import VisionShape, preset

GREY = Preprocessing((0.5,), (0.5,))
SHAPE = preset("fashion-mnist")
LABELS = [f"thing {index}" for index in range(9)] + ["T-shirt/top"]


def test_idx_files_compressed_or_not(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (5, 28, 28)).astype(np.uint8)
    labels = np.array([3, 1, 4, 1, 9], np.uint8)
    for compressed in (True, False):
        folder = write_test_set(tmp_path / str(compressed), images, labels, compressed)
        data = open_data_set(FASHION_MNIST, SHAPE, GREY, LABELS, folder)
        assert data.classes.tolist() == labels.tolist()
        batches = list(data.batches(2))
        assert [len(pixels) for pixels, _ in batches] == [2, 2, 1]
        assert np.array_equal(np.concatenate([pixels for pixels, _ in batches])[..., 0], images)
        assert [len(pixels) for pixels, _ in data.batches(2, limit=3)] == [2, 1]


def test_missing_files_say_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(TritforgeError, match="install the Debian package dataset-fashion-mnist"):
        open_data_set(FASHION_MNIST, SHAPE, GREY, LABELS, tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no idx file"),
        (b"\0\0\x0d\1\0\0\0\1" + b"1234", "is no idx file of bytes"),
        (b"\0\0\x08\1\0\0", "is damaged"),
        (idx_bytes(np.zeros(9, np.uint8))[:-1], "has not the 9 bytes"),
        (idx_bytes(np.zeros(9, np.uint8)) + b"x", "has not the 9 bytes"),
        (b"\0\0\x08\4" + b"\xff" * 16, "says .* bytes, at most"),
    ],
    ids=["empty", "float", "short_header", "truncated", "longer", "huge"],
)
def test_damaged_idx_files_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(TritforgeError, match=f"{path} {words}"):
        read_idx(path)
    packed = tmp_path / "x.gz"
    packed.write_bytes(gzip.compress(content))
    with pytest.raises(TritforgeError, match=f"{packed} {words}"):
        read_idx(packed)
    packed.write_bytes(gzip.compress(content)[:-4])
    with pytest.raises(TritforgeError, match=str(packed)):
        read_idx(packed)


def test_a_model_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = write_test_set(tmp_path, np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8))
    small = VisionShape(
        image_size=8, patch_size=4, channels=1, dim=8, heads=2, layers=1, hidden=8, classes=2
    )
    with pytest.raises(TritforgeError, match="has images of 28 x 28 in grey, the model sees 8 x 8"):
        open_data_set(FASHION_MNIST, small, GREY, LABELS, folder)


def picture(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (40, 30), grey).save(path)


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    picture(tmp_path / "thing 2" / "a.png", 20)
    picture(tmp_path / "thing 2" / "more" / "b.jpg", 20)
    picture(tmp_path / "7" / "c.png", 70)
    picture(tmp_path / "T-shirt_top" / "d.png", 90)
    data = open_data_set(str(tmp_path), SHAPE, GREY, LABELS)
    found = [(int(pixels[0, 0, 0, 0]), number) for pixels, (number,) in data.batches(1)]
    assert found == [(70, 7), (90, 9), (20, 2), (20, 2)]


def test_folders_that_are_no_class_are_named(tmp_path: Path) -> None:
    with pytest.raises(TritforgeError, match="has no folders"):
        open_data_set(str(tmp_path), SHAPE, GREY, LABELS)
    picture(tmp_path / "cat" / "a.png", 20)
    with pytest.raises(TritforgeError, match=r"cat is no class of the model: name it like one of"):
        open_data_set(str(tmp_path), SHAPE, GREY, LABELS)
    with pytest.raises(TritforgeError, match="neither fashion-mnist nor a folder"):
        open_data_set("imagenet", SHAPE, GREY, LABELS)
    with pytest.raises(ConfigurationError, match="belongs to fashion-mnist"):
        open_data_set(str(tmp_path), SHAPE, GREY, LABELS, tmp_path)
