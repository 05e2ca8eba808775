# SPDX-License-Identifier: Apache-2.0
"""Pictures of any size and format as the pixels of a model, in bounded memory.

A picture is shrunk before anything else happens to it, so that what follows is small:

1. size and format come from the header; JPEG files are decoded at the fraction that suffices;
2. the square in the middle (`Preprocessing.crop`) is resized bicubically, alpha premultiplied;
3. it is turned as its EXIF orientation says, transparent parts become white, numbers of more than
   8 bits are scaled;
4. colours become grey, or grey all colours, as the model has channels;
5. for a model that knows light things on a dark ground (`Preprocessing.light_on_dark`), a picture
   whose corners are light is inverted.

Of an animation the first frame counts. Formats that other programs would have to decode
(PostScript, metafiles) are not read.
"""

from __future__ import annotations

import io
import math
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray

from tritforge.checkpoint.files import one_line
from tritforge.errors import ConfigurationError, TritforgeError, install_command
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.shape import VisionShape

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = NDArray[np.uint8]
#: A file, its bytes, an array (height, width) or (height, width, 1, 3 or 4) uint8, or Pillow's own.
Picture = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, Pixels, "Image"]

#: Bytes of a file, and pixels that are decoded: at most four bytes each, twice.
MAXIMUM_FILE_BYTES = 64 << 20
MAXIMUM_PIXELS = 1 << 25
#: Pillow's names of formats that it decodes by itself.
_FORMATS = (
    *("AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM", "QOI"),
    *("TGA", "TIFF", "WEBP"),
)
#: Ends of names that a folder is searched for.
SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".ico", ".jp2", ".jpeg", ".jpg", ".pbm", ".pcx", ".pgm", ".png")
    + (".pnm", ".ppm", ".qoi", ".tga", ".tif", ".tiff", ".webp")
)
_ORIENTATION_TAG = 0x0112
#: Corners of so many pixels in each direction say whether the ground is light.
_CORNER = 3
_GREY, _COLOURS = 1, 3


class PictureError(TritforgeError):
    """A picture that cannot be read; the message names it, what is wrong, and the limit."""


class PictureReader:
    """Reads pictures for one model."""

    def __init__(self, shape: VisionShape, preprocessing: Preprocessing) -> None:
        """
        Raises:
            ConfigurationError: pictures have no such number of colours.
            TritforgeError: Pillow is not installed.
        """
        if shape.channels not in (_GREY, _COLOURS):
            raise ConfigurationError(
                f"the model has {shape.channels} colours: pictures have {_GREY} or {_COLOURS}; "
                "classify_pixels takes arrays of any number of them"
            )
        self._size, self._channels = shape.image_size, shape.channels
        self._preprocessing = preprocessing
        self._formats = _usable_formats()

    def read(self, picture: Picture) -> Pixels:
        """Pixels of one picture.

        Args:
            picture: see `Picture`.

        Returns:
            (image_size, image_size, channels) uint8.

        Raises:
            PictureError: unreadable, damaged, too large, or no picture at all.
        """
        name = _name(picture)
        # Pillow warns of large pictures and odd metadata; the limits here are stricter.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with self._opened(picture, name) as image:
                    return self._pixels(image, name)
            except TritforgeError:
                raise
            except MemoryError:
                raise PictureError(f"{name}: there is not enough memory to decode it") from None
            except OSError as error:
                raise PictureError(f"{name}: {_reason(error)}") from None
            except Exception as error:  # decoders raise many kinds for a damaged file
                raise PictureError(f"{name} is damaged: {_reason(error)}") from None

    def _opened(self, picture: Picture, name: str) -> Image:
        """The picture with its header read."""
        from PIL import Image, UnidentifiedImageError

        if isinstance(picture, Image.Image):
            return picture.copy()
        if isinstance(picture, np.ndarray):
            return Image.fromarray(_checked_array(picture, name))
        content = _content(picture, name)
        try:
            return Image.open(io.BytesIO(content), formats=self._formats)
        except UnidentifiedImageError:
            raise PictureError(
                f"{name} is no picture of a known format ({', '.join(self._formats)})"
            ) from None
        except Image.DecompressionBombError:
            raise PictureError(f"{name} is too large: {_LIMIT}") from None

    def _pixels(self, image: Image, name: str) -> Pixels:
        width, height = image.size
        if not width or not height:
            raise PictureError(f"{name} has no pixels ({width} x {height})")
        orientation = _orientation(image)
        # A JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves enough; no other format can.
        needed = math.ceil(2 * self._size / self._preprocessing.crop)
        image.draft(None, (needed, needed))
        if math.prod(image.size) > MAXIMUM_PIXELS:
            raise PictureError(f"{name} has {width} x {height} pixels: {_LIMIT}")
        small = self._square(_resizable(image))
        small = _turned(small, orientation)
        if "A" in small.getbands():
            small = _on_white(small)
        return self._with_ground(self._with_colours(_eight_bits(small, image.format)))

    def _square(self, image: Image) -> Image:
        """The square in the middle, in the model's size."""
        from PIL import Image

        width, height = image.size
        side = min(width, height) * self._preprocessing.crop
        left, top = (width - side) / 2, (height - side) / 2
        return image.resize(
            (self._size, self._size),
            Image.Resampling.BICUBIC,
            box=(left, top, left + side, top + side),
            # Without it a filter over thousands of pixels is slow; 3 is as good as exact.
            reducing_gap=3.0 if image.mode in ("L", "RGB", "RGBA") else None,
        )

    def _with_colours(self, image: Image) -> Pixels:
        mode = "L" if self._channels == _GREY else "RGB"
        pixels = np.asarray(image.convert(mode), np.uint8)
        return pixels.reshape(self._size, self._size, self._channels)

    def _with_ground(self, pixels: Pixels) -> Pixels:
        if self._preprocessing.light_on_dark and has_light_ground(pixels):
            return 255 - pixels
        return np.ascontiguousarray(pixels)


_LIMIT = f"at most {MAXIMUM_PIXELS:,} pixels are decoded; shrink it first"


def has_light_ground(pixels: Pixels) -> bool:
    """Whether most of the four corners of a picture (height, width, channels) are light."""
    ends = (slice(0, _CORNER), slice(-_CORNER, None))
    corners = [float(pixels[rows, columns].mean()) for rows in ends for columns in ends]
    return sorted(corners)[1] > 127.5


def find_pictures(paths: Iterable[Path]) -> Iterator[Path]:
    """Files as they are, and the pictures in folders and their folders, by name.

    Raises:
        PictureError: a folder has none, or cannot be read.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        try:
            found = sorted(
                item
                for item in path.rglob("*")
                if item.suffix.lower() in SUFFIXES and item.is_file()
            )
        except OSError as error:
            raise PictureError(f"cannot read {path}: {error.strerror or error}") from None
        if not found:
            raise PictureError(
                f"{path} has no pictures: their names end in {', '.join(sorted(SUFFIXES))}"
            )
        yield from found


def _usable_formats() -> list[str]:
    """Formats of the list that this build of Pillow has."""
    try:
        from PIL import Image
    except ImportError:
        raise TritforgeError(f"pictures need Pillow: {install_command('vision')}") from None
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _name(picture: object) -> str:
    """How a message calls the picture."""
    if isinstance(picture, (str, os.PathLike)):
        text = os.fspath(picture)
        return text if isinstance(text, str) and text.isprintable() else repr(text)
    return "the picture"


def _content(picture: Any, name: str) -> bytes:
    """Bytes of a file, as many as are allowed."""
    if isinstance(picture, (bytes, bytearray, memoryview)):
        content = bytes(picture)
    elif isinstance(picture, (str, os.PathLike)):
        try:
            with Path(picture).open("rb") as file:
                content = file.read(MAXIMUM_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise PictureError(f"cannot read {name}: {reason}") from None
    else:
        raise PictureError(
            f"{type(picture).__name__} is no picture: give a file, its bytes, an array or an "
            "image of Pillow"
        )
    if len(content) > MAXIMUM_FILE_BYTES:
        raise PictureError(f"{name} is larger than {MAXIMUM_FILE_BYTES:,} bytes")
    if not content:
        raise PictureError(f"{name} is empty")
    return content


def _checked_array(array: NDArray[Any], name: str) -> Pixels:
    """An array that Pillow takes: without the last axis if that is 1."""
    shown = f"{array.dtype} {array.shape}"
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    is_known = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not is_known or not array.size:
        raise PictureError(
            f"{name} is {shown}: give uint8 of shape (height, width) or (height, width, 1, 3 or 4)"
        )
    if array.shape[0] * array.shape[1] > MAXIMUM_PIXELS:
        raise PictureError(f"{name} has {array.shape[1]} x {array.shape[0]} pixels: {_LIMIT}")
    return np.ascontiguousarray(array)


def _orientation(image: Image) -> int:
    """EXIF orientation, 1 to 8; damaged metadata says nothing."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _turned(image: Image, orientation: int) -> Image:
    """As a camera that was held that way saw it."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _resizable(image: Image) -> Image:
    """The picture in a mode that can be resized smoothly: L, LA, RGB, RGBA, I or F."""
    mode = image.mode
    if mode.startswith("I;16"):
        return image.convert("I")
    if mode in ("I", "F", "LA", "RGBA"):
        return image
    if "transparency" in image.info and mode in ("1", "L", "P", "RGB"):
        return image.convert("RGBA")
    if mode in ("L", "RGB"):
        return image
    if mode == "1":
        return image.convert("L")
    try:
        return image.convert("RGBA" if mode in ("PA", "La", "RGBa") else "RGB")
    except ValueError:
        raise PictureError(f"colours of mode {mode} are not supported: save it as RGB") from None


def _on_white(image: Image) -> Image:
    """What shows through is white, as the ground of most cut-out pictures."""
    from PIL import Image

    coloured = image.convert("RGBA")
    ground = Image.new("RGBA", coloured.size, "white")
    return Image.alpha_composite(ground, coloured).convert("RGB")


def _eight_bits(image: Image, file_format: str | None) -> Image:
    """Integers and floats of one channel as grey: 16 bits by their upper half, others by range."""
    from PIL import Image

    if image.mode not in ("I", "F"):
        return image
    values = np.nan_to_num(np.asarray(image, np.float64))
    low, high = float(values.min()), float(values.max())
    if image.mode == "I" and (file_format in ("PNG", "PPM") or 0 <= low <= high <= 65535):
        low, high = 0.0, 65535.0
    elif image.mode == "F" and 0 <= low <= high <= 1:
        low, high = 0.0, 1.0
    scaled = (np.clip(values, low, high) - low) / max(high - low, np.finfo(np.float64).tiny)
    return Image.fromarray(np.rint(255 * scaled).astype(np.uint8))


def _reason(error: BaseException) -> str:
    """A decoder's message: one line, printable, short."""
    return one_line(error) or type(error).__name__
