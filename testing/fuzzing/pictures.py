# SPDX-License-Identifier: Apache-2.0
"""Pictures of every format and mode, and mutations of their files."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from testing.fuzzing.mutation import TEXT_MUTATIONS, Generator, Mutation, pick

#: Formats that every build of Pillow writes.
FORMATS = ("BMP", "GIF", "ICO", "JPEG", "PCX", "PNG", "PPM", "TGA", "TIFF", "WEBP")
#: Format, mode, and options of files that are mutated.
VARIANTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    *((name, "RGB", {}) for name in FORMATS),
    ("JPEG", "CMYK", {}),
    ("JPEG", "L", {"progressive": True}),
    ("PNG", "RGBA", {}),
    ("PNG", "P", {"transparency": 0}),
    ("PNG", "I;16", {}),
    ("PNG", "1", {}),
    ("GIF", "P", {"save_all": True, "frames": 3}),
    ("WEBP", "RGBA", {"save_all": True, "frames": 3}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "F", {}),
    ("TIFF", "CMYK", {"compression": "tiff_adobe_deflate"}),
)


def waves(width: int, height: int, frame: int = 0) -> Image.Image:
    """A coloured picture without flat parts."""
    row, column = np.mgrid[:height, :width]
    planes = [
        127 + 127 * np.sin((row * (colour + 1) + column * (3 - colour)) / 7 + frame)
        for colour in range(3)
    ]
    return Image.fromarray(np.stack(planes, axis=2).astype(np.uint8))


def sample_picture(
    file_format: str, width: int, height: int, mode: str = "RGB", **options: Any
) -> bytes:
    """A file of that format and mode; `frames`: of an animation."""
    frames = options.pop("frames", 1)
    images = [_in_mode(waves(width, height, frame), mode) for frame in range(frames)]
    if frames > 1:
        options["append_images"] = images[1:]
    exif = Image.Exif()
    exif[0x0112] = 6
    if file_format in ("JPEG", "PNG", "WEBP"):
        options["exif"] = exif
    stream = io.BytesIO()
    images[0].save(stream, file_format, **options)
    return stream.getvalue()


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L"), np.uint16) * np.uint16(257))
    if mode == "RGBA":
        image.putalpha(image.getchannel("R"))
        return image
    return image.convert(mode)


def edit_numbers(data: bytes, generator: Generator) -> bytes:
    """Two or four bytes near the start replaced: sizes, counts, offsets."""
    result = bytearray(data)
    size = int(pick(generator, (2, 4)))
    place = int(generator.integers(max(1, min(len(data), 128) - size)))
    word = pick(generator, (b"\xff" * size, b"\0" * size, generator.bytes(size)))
    result[place : place + size] = word
    return bytes(result)


MUTATIONS: tuple[Mutation, ...] = (*TEXT_MUTATIONS, *(edit_numbers,) * 4)


def mutated_picture(seed: int, index: int) -> bytes:
    """File of one case."""
    generator = np.random.default_rng([seed, index])
    file_format, mode, options = VARIANTS[index % len(VARIANTS)]
    data = sample_picture(file_format, 96, 64, mode, **dict(options))
    for _ in range(int(generator.integers(1, 4))):
        data = pick(generator, MUTATIONS)(data or b"\0", generator)
    return data
