# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from tests.training.ivit.tiny import SHAPE, shades, write_idx
from training.ivit.dataset import load_images, read_idx, read_picture
from tritforge.errors import ConfigurationError
from tritforge.ivit.shape import VisionShape

COLOUR = VisionShape(
    image_size=8, patch_size=4, channels=3, dim=16, heads=1, layers=1, hidden=32, classes=2
)


def idx(kind: bytes, sizes: tuple[int, ...], count: int) -> bytes:
    return kind + struct.pack(f">{len(sizes)}I", *sizes) + bytes(count)


def test_idx_files_come_back(tmp_path: Path) -> None:
    images = shades(20, seed=0)
    write_idx(tmp_path, "t10k", images)
    found = load_images(tmp_path, "test", SHAPE)
    np.testing.assert_array_equal(found.pixels, images.pixels)
    np.testing.assert_array_equal(found.classes, images.classes)
    assert found.labels == ("0", "1", "2")
    few = load_images(tmp_path, "test", SHAPE, per_class=2)
    assert sorted(few.classes) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no idx file"),
        (idx(b"\0\0\x0d\x03", (1, 8, 8), 64), "no idx file of uint8"),
        (idx(b"\0\0\x08\x01", (8,), 8), "with 3 axes"),
        (idx(b"\0\0\x08\x03", (0, 8, 8), 0), "1 to"),
        (idx(b"\0\0\x08\x03", (1 << 31, 1 << 31, 1 << 31), 9), "1 to 2147483648"),
        (idx(b"\0\0\x08\x03", (2, 8, 8), 100), "100 of 128 bytes"),
        (idx(b"\0\0\x08\x03", (1, 8, 8), 65), "more than 64 bytes"),
    ],
)
def test_damaged_idx_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        read_idx(path, 3)


def test_cut_gzip_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(idx(b"\0\0\x08\x03", (9, 8, 8), 576))[:-20])
    with pytest.raises(ConfigurationError, match=r"a\.gz cannot be read"):
        read_idx(path, 3)


def test_what_does_not_fit_the_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="dataset-fashion-mnist"):
        load_images(tmp_path, "test", SHAPE)
    images = shades(20, seed=0)
    images.classes[3] = 5
    write_idx(tmp_path, "t10k", images)
    with pytest.raises(ConfigurationError, match="class 5; the model has 3"):
        load_images(tmp_path, "test", SHAPE)
    with pytest.raises(ConfigurationError, match="8 x 8 pixels of one colour"):
        load_images(tmp_path, "test", COLOUR)


def test_folder_of_class_folders(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for label, grey in (("cat", 10), ("dog", 200)):
        folder = tmp_path / "val" / label
        folder.mkdir(parents=True)
        image.new("RGBA", (20, 12), (grey, grey, grey, 255)).save(folder / "one.png")
        (folder / "notes.txt").write_text("no picture", encoding="utf-8")
    found = load_images(tmp_path, "test", COLOUR)
    assert found.labels == ("cat", "dog") and found.pixels.shape == (2, 8, 8, 3)
    assert found.pixels[0].tolist() == np.full((8, 8, 3), 10).tolist()
    (tmp_path / "val" / "cat" / "bad.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(ConfigurationError, match=r"bad\.png is no picture"):
        load_images(tmp_path, "test", COLOUR)
    with pytest.raises(ConfigurationError, match="2 class folders, but the model has 3"):
        load_images(tmp_path, "test", SHAPE)


def test_huge_picture_is_refused(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for name, height in (("large", 1 << 13), ("bomb", 1 << 14)):
        image.new("1", (1 << 13 | 1, height)).save(tmp_path / f"{name}.png")
        with pytest.raises(ConfigurationError, match=rf"{name}\.png is no picture .* pixels"):
            read_picture(tmp_path / f"{name}.png", COLOUR)
