# SPDX-License-Identifier: Apache-2.0
"""Pictures of every kind: the right pixels, or a clear error within bounded memory."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pynq_driver.ivit import pictures
from pynq_driver.ivit.pictures import (
    MAXIMUM_PIXELS,
    PictureError,
    PictureReader,
    find_pictures,
    has_light_ground,
)
from testing.fuzzing.pictures import FORMATS, sample_picture
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.shape import VisionShape

SIZE = 16


def reader(channels: int = 3, **how: Any) -> PictureReader:
    shape = VisionShape(
        image_size=SIZE,
        patch_size=4,
        channels=channels,
        dim=8,
        heads=2,
        layers=1,
        hidden=8,
        classes=2,
    )
    return PictureReader(shape, Preprocessing((0.5,) * channels, (0.5,) * channels, **how))


def encoded(image: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def quarters(width: int = SIZE, height: int = SIZE) -> np.ndarray:
    """Four colours: red, green, blue, white."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = 255
    return pixels


def corners(pixels: np.ndarray) -> list[list[int]]:
    return [pixels[row, column].tolist() for row in (0, -1) for column in (0, -1)]


COLOURS = corners(quarters())


def test_pixels_of_the_right_size_are_untouched() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    assert np.array_equal(reader().read(noise), noise)
    assert np.array_equal(reader().read(encoded(Image.fromarray(noise))), noise)
    grey = noise[..., 0]
    assert np.array_equal(reader(1).read(grey)[..., 0], grey)
    assert np.array_equal(reader(1).read(grey[..., None])[..., 0], grey)


def test_a_picture_may_be_a_file_bytes_an_array_or_pillows(tmp_path: Path) -> None:
    path = tmp_path / "a picture.png"
    Image.fromarray(quarters(40, 40)).save(path)
    content = path.read_bytes()
    found = [
        reader().read(item)
        for item in (path, str(path), content, bytearray(content), memoryview(content))
    ]
    found += [reader().read(quarters(40, 40)), reader().read(Image.open(path))]
    assert all(np.array_equal(item, found[0]) for item in found)


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_of_the_list_is_read(file_format: str) -> None:
    pixels = reader().read(sample_picture(file_format, 48, 32))
    assert pixels.shape == (SIZE, SIZE, 3) and pixels.dtype == np.uint8
    assert pixels.std() > 20


def test_the_square_in_the_middle_is_seen() -> None:
    wide = np.zeros((SIZE, 3 * SIZE, 3), np.uint8)
    wide[:, SIZE : 2 * SIZE] = quarters()
    assert corners(reader().read(wide)) == COLOURS
    framed = np.zeros((2 * SIZE, 2 * SIZE, 3), np.uint8)
    framed[SIZE // 2 : -SIZE // 2, SIZE // 2 : -SIZE // 2] = quarters()
    assert corners(reader(crop=0.5).read(framed)) == COLOURS


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_followed(orientation: int) -> None:
    from PIL.ImageOps import exif_transpose

    image = Image.fromarray(quarters(48, 32))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(image, exif=exif)
    upright = np.asarray(exif_transpose(Image.open(io.BytesIO(content))))
    found, expected = reader().read(content).astype(int), reader().read(upright).astype(int)
    # Rows and columns are filtered in turn, and rounded in between.
    assert np.abs(found - expected).max() <= 3


def test_damaged_exif_says_nothing() -> None:
    content = encoded(Image.fromarray(quarters()), exif=b"Exif\0\0" + b"\xff" * 40)
    assert corners(reader().read(content)) == COLOURS


def test_transparent_parts_are_white() -> None:
    pixels = np.dstack([quarters(), np.full((SIZE, SIZE), 255, np.uint8)])
    pixels[: SIZE // 2, : SIZE // 2, 3] = 0
    expected = [[255] * 3, *COLOURS[1:]]
    assert corners(reader().read(pixels)) == expected
    palette = Image.fromarray(quarters()).quantize(4)
    clear = palette.getpixel((0, 0))
    assert corners(reader().read(encoded(palette, transparency=clear))) == expected
    grey = Image.fromarray(np.zeros((SIZE, SIZE), np.uint8))
    assert (reader(1).read(encoded(grey, transparency=0)) == 255).all()


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "CMYK", "YCbCr", "HSV", "RGBX", "RGBa"]
)
def test_every_mode_of_pillow_gives_colours_and_grey(mode: str) -> None:
    image = Image.fromarray(quarters(40, 40)).convert("RGBA" if mode == "RGBa" else "RGB")
    image = image.convert("L").convert(mode) if mode in ("LA", "PA") else image.convert(mode)
    for channels in (1, 3):
        assert reader(channels).read(image).shape == (SIZE, SIZE, channels)


def test_cmyk_looks_like_rgb() -> None:
    image = Image.fromarray(quarters())
    found = reader().read(encoded(image.convert("CMYK"), "TIFF")).astype(int)
    assert np.abs(found - quarters()).max() <= 2


def test_colours_become_grey_and_grey_all_colours() -> None:
    grey = reader(1).read(quarters())
    assert corners(grey) == [[76], [150], [29], [255]]  # ITU-R 601-2 luma
    flat = np.full((40, 40), 77, np.uint8)
    assert (reader(3).read(flat) == 77).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 257, 65535], np.uint16), [0, 1, 255]),
        (np.array([0, 70000, 140000], np.int32), [0, 128, 255]),
        (np.array([0, 0.5, 1], np.float32), [0, 128, 255]),
        (np.array([-10, 0, np.nan], np.float32), [0, 255, 255]),
    ],
    ids=["16_bits", "32_bits", "share", "any_float"],
)
def test_more_than_eight_bits_are_scaled(values: np.ndarray, expected: list[int]) -> None:
    for index, value in enumerate(expected):
        flat = values[[index]].repeat(SIZE * SIZE).reshape(SIZE, SIZE).copy()
        # The extremes stand in two corners, so that a range is known.
        flat[0, 0], flat[-1, -1] = values[0], values[-1 if not np.isnan(values[-1]) else 1]
        found = reader(1).read(encoded(Image.fromarray(flat), "TIFF"))
        assert abs(int(found[SIZE // 2, SIZE // 2, 0]) - value) <= 1


def test_the_first_frame_of_an_animation_counts() -> None:
    first, second = Image.fromarray(quarters()), Image.new("RGB", (SIZE, SIZE))
    for file_format in ("GIF", "WEBP", "PNG"):
        options = {"lossless": True} if file_format == "WEBP" else {}
        content = encoded(first, file_format, save_all=True, append_images=[second], **options)
        assert corners(reader().read(content)) == COLOURS


def test_light_ground_is_inverted_for_models_that_know_dark_ground() -> None:
    photograph = np.full((40, 40), 240, np.uint8)
    photograph[10:30, 10:30] = 30
    seen = reader(1, light_on_dark=True).read(photograph)[..., 0]
    assert seen[0, 0] == 15 and seen[SIZE // 2, SIZE // 2] == 225
    assert np.array_equal(reader(1, light_on_dark=True).read(255 - photograph)[..., 0], seen)
    assert reader(1).read(photograph)[0, 0, 0] == 240


def test_one_light_corner_makes_no_light_ground() -> None:
    pixels = np.zeros((SIZE, SIZE, 1), np.uint8)
    pixels[:, : SIZE // 2] = 255
    assert not has_light_ground(pixels)
    pixels[:4] = 255
    assert has_light_ground(pixels)


def png_header(width: int, height: int) -> bytes:
    """A small file that says it is large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"), [(1 << 13, 1 << 13), (1 << 30, 1 << 30), (1 << 28, 1)]
)
def test_decompression_bombs_are_refused_before_they_are_decoded(width: int, height: int) -> None:
    tracemalloc.start()
    with pytest.raises(PictureError, match=f"at most {MAXIMUM_PIXELS:,} pixels"):
        reader().read(png_header(width, height))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_large_jpeg_is_decoded_small() -> None:
    content = encoded(Image.new("RGB", (9000, 7000), "red"), "JPEG")
    assert reader().read(content)[0, 0].tolist() == pytest.approx([254, 0, 0], abs=2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the picture is empty"),
        (b"hello", "no picture of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "no picture of a known format"),
        (encoded(Image.fromarray(quarters()))[:60], "the picture"),
        (png_header(0, 4), "the picture"),
    ],
    ids=["empty", "text", "postscript", "truncated", "no_pixels"],
)
def test_damaged_files_are_named(content: bytes, words: str) -> None:
    with pytest.raises(PictureError, match=words):
        reader().read(content)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4,), np.uint8),
        np.zeros((0, 4), np.uint8),
    ],
    ids=["float", "two_colours", "one_axis", "empty"],
)
def test_arrays_of_other_forms_are_named(array: np.ndarray) -> None:
    with pytest.raises(PictureError, match=r"give uint8 of shape \(height, width\)"):
        reader().read(array)


def test_files_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path / "missing.png", tmp_path):
        with pytest.raises(PictureError, match=f"cannot read {path}"):
            reader().read(path)
    with pytest.raises(PictureError, match="cannot read"):
        reader().read("a\0b")
    with pytest.raises(PictureError, match="int is no picture"):
        reader().read(3)  # type: ignore[arg-type]
    monkeypatch.setattr(pictures, "MAXIMUM_FILE_BYTES", 10)
    (tmp_path / "large.png").write_bytes(b"x" * 11)
    with pytest.raises(PictureError, match=r"large\.png is larger than 10 bytes"):
        reader().read(tmp_path / "large.png")


def test_devices_end_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAXIMUM_FILE_BYTES", 1 << 20)
    with pytest.raises(PictureError, match="/dev/zero is larger than"):
        reader().read("/dev/zero")


def test_models_of_two_colours_see_no_pictures() -> None:
    with pytest.raises(ConfigurationError, match="the model has 2 colours"):
        reader(2)


def test_pillow_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(TritforgeError, match=r"Pillow: pip install '\.\[vision\]'"):
        reader()


def test_folders_are_searched_for_pictures(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "note.txt", "sub/c.gif"):
        path = tmp_path / "all" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    folder = tmp_path / "all"
    found = list(find_pictures([folder, tmp_path / "other.bin"]))
    expected = [*(folder / name for name in ("a.jpg", "b.PNG", "sub/c.gif"))]
    assert found == [*expected, tmp_path / "other.bin"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(PictureError, match="has no pictures: their names end in"):
        list(find_pictures([tmp_path / "empty"]))
