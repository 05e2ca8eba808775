# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from tests.training.ivit.tiny import PREPROCESSING, SHAPE, shades, write_idx
from training.ivit.dataset import load_images
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.ivit.shape import VisionShape

COLOUR = VisionShape(
    image_size=8, patch_size=4, channels=3, dim=16, heads=1, layers=1, hidden=32, classes=2
)


def idx(kind: bytes, sizes: tuple[int, ...], count: int) -> bytes:
    return kind + struct.pack(f">{len(sizes)}I", *sizes) + bytes(count)


def test_idx_files_come_back(tmp_path: Path) -> None:
    images = shades(20, seed=0)
    write_idx(tmp_path, "t10k", images)
    found = load_images(tmp_path, "test", SHAPE, PREPROCESSING)
    np.testing.assert_array_equal(found.pixels, images.pixels)
    np.testing.assert_array_equal(found.classes, images.classes)
    assert found.labels == ("0", "1", "2")
    few = load_images(tmp_path, "test", SHAPE, PREPROCESSING, per_class=2)
    assert sorted(few.classes) == [0, 0, 1, 1, 2, 2]


def test_files_that_do_not_belong_together_are_named(tmp_path: Path) -> None:
    images = shades(20, seed=0)
    write_idx(tmp_path, "train", images)
    labels = tmp_path / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(idx(b"\0\0\x08\x01", (19,), 19)))
    with pytest.raises(ConfigurationError, match=r"\(20, 8, 8\) and \(19,\)"):
        load_images(tmp_path, "train", SHAPE, PREPROCESSING)
    labels.write_bytes(labels.read_bytes()[:-12])
    with pytest.raises(TritforgeError, match="damaged"):
        load_images(tmp_path, "train", SHAPE, PREPROCESSING)


def test_what_does_not_fit_the_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="dataset-fashion-mnist"):
        load_images(tmp_path, "test", SHAPE, PREPROCESSING)
    images = shades(20, seed=0)
    images.classes[3] = 5
    write_idx(tmp_path, "t10k", images)
    with pytest.raises(ConfigurationError, match="class 5; the model has 3"):
        load_images(tmp_path, "test", SHAPE, PREPROCESSING)
    with pytest.raises(ConfigurationError, match="8 x 8 pixels of one colour"):
        load_images(tmp_path, "test", COLOUR, PREPROCESSING)


def test_folder_of_class_folders(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for label, grey in (("cat", 10), ("dog", 200)):
        folder = tmp_path / "val" / label
        folder.mkdir(parents=True)
        image.new("RGBA", (20, 12), (grey, grey, grey, 255)).save(folder / "one.png")
        (folder / "notes.txt").write_text("no picture", encoding="utf-8")
    found = load_images(tmp_path, "test", COLOUR, PREPROCESSING)
    assert found.labels == ("cat", "dog") and found.pixels.shape == (2, 8, 8, 3)
    assert found.pixels[0].tolist() == np.full((8, 8, 3), 10).tolist()
    (tmp_path / "val" / "cat" / "bad.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(TritforgeError, match=r"bad\.png"):
        load_images(tmp_path, "test", COLOUR, PREPROCESSING)
    with pytest.raises(ConfigurationError, match="2 class folders, but the model has 3"):
        load_images(tmp_path, "test", SHAPE, PREPROCESSING)
