# SPDX-License-Identifier: Apache-2.0
"""A vision transformer on a backend: pictures in, labels out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pynq_driver.ivit.backends.base import VisionBackend
from pynq_driver.ivit.backends.opening import (
    AUTOMATIC,
    VISION_MACHINE_BACKENDS,
    CompiledVisionMachine,
    open_vision_backend,
)
from pynq_driver.ivit.pictures import Picture, PictureReader
from tritforge.checks import check_integer
from tritforge.errors import TritforgeError
from tritforge.ivit.image import VisionImage, open_vision_image

#: The model that ships with the package.
EMBEDDED_VISION_MODEL = Path(__file__).parents[1] / "models" / "fashion-mnist.tritforge"
DEFAULT_TOP = 5


@dataclass(frozen=True)
class Guess:
    """One class of a classification.

    Attributes:
        label: its name.
        index: its number.
        probability: softmax of the logits.
        logit: in units of 1.
    """

    label: str
    index: int
    probability: float
    logit: float


@dataclass(frozen=True)
class Classification:
    """The likeliest classes of one picture, best first."""

    guesses: tuple[Guess, ...]

    @property
    def label(self) -> str:
        """Name of the likeliest class."""
        return self.guesses[0].label

    @property
    def index(self) -> int:
        """Number of the likeliest class."""
        return self.guesses[0].index


class VisionModel:
    """A model image on a backend.

    Attributes:
        image: the opened image.
        backend: what runs it.
    """

    def __init__(self, image: VisionImage, backend: VisionBackend) -> None:
        self.image = image
        self.backend = backend
        self._reader: PictureReader | None = None

    def pixels(self, picture: Picture) -> NDArray[np.uint8]:
        """What the model sees of a picture: (image_size, image_size, channels) uint8.

        Args:
            picture: a file's name, its bytes, an array (height, width) or (height, width, 1, 3 or
                4) uint8, or an image of Pillow; of any size.

        Raises:
            TritforgeError: it is damaged, too large or no picture, or Pillow is missing.
        """
        return self.check_pictures().read(picture)

    def check_pictures(self) -> PictureReader:
        """What reads pictures for this model.

        Raises:
            TritforgeError: Pillow is missing, or pictures have other colours than the model.
        """
        if self._reader is None:
            header = self.image.header
            self._reader = PictureReader(header.shape, header.preprocessing)
        return self._reader

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Logits of pixels that are ready.

        Args:
            pixels: (images, image_size, image_size, channels) uint8.

        Returns:
            (images, classes) int64 in units of 2**-logit_fraction.

        Raises:
            ConfigurationError: the images are of another size.
            ImageError: the image's file was written to while it is in use.
        """
        self.image.file.check_unchanged()
        return self.backend.logits(pixels)

    def classify(self, picture: Picture, top: int = DEFAULT_TOP) -> Classification:
        """The `top` likeliest classes of a picture (see `pixels`), best first.

        Raises:
            TritforgeError: as `pixels`; or `top` is below 1.
        """
        return self.classify_pixels(self.pixels(picture)[None], top)[0]

    def classify_pixels(
        self, pixels: NDArray[np.uint8], top: int = DEFAULT_TOP
    ) -> list[Classification]:
        """The `top` likeliest classes of every image (see `logits`); all, if there are fewer."""
        classes = self.image.header.shape.classes
        count = min(check_integer("top", top, 1, 65536), classes)
        unit = 2.0 ** -int(self.image.parameters.head.logit_fraction[0])
        return [self._classification(row * unit, count) for row in self.logits(pixels)]

    def _classification(self, logits: NDArray[np.float64], count: int) -> Classification:
        exponentials = np.exp(logits - logits.max())
        probabilities = exponentials / exponentials.sum()
        # Stable: of equal logits the first class is the better one, as argmax has it.
        best: Sequence[int] = np.argsort(-logits, kind="stable")[:count].tolist()
        labels = self.image.header.labels
        return Classification(
            tuple(
                Guess(labels[index], index, float(probabilities[index]), float(logits[index]))
                for index in best
            )
        )

    def close(self) -> None:
        """Give the backend's threads and memory back."""
        self.backend.close()


def load_vision(
    path: Path | str | None = None,
    backend: str = AUTOMATIC,
    threads: int | None = None,
    machine: Callable[[VisionImage], CompiledVisionMachine] | None = None,
) -> VisionModel:
    """Open the image of a vision model (default: the embedded one) on a backend.

    Args:
        path: a `.tritforge` file of kind `ivit`.
        backend: `auto`, `cpu`, `golden`, `float`, `csim` or `rtl`.
        threads: for `cpu`; default: cores of one NUMA node that this process may use.
        machine: makes the compiled machine for `csim` and `rtl`.

    Raises:
        TritforgeError: the file or the backend cannot be used; the message says why.
    """
    if path is None and not EMBEDDED_VISION_MODEL.exists():
        raise TritforgeError(
            "this installation has no embedded vision model: name an image of kind ivit, which "
            "`tritforge convert` makes from a checkpoint"
        )
    image = open_vision_image(EMBEDDED_VISION_MODEL if path is None else path)
    library = machine(image) if machine and backend in VISION_MACHINE_BACKENDS else None
    return VisionModel(image, open_vision_backend(backend, image, threads, library))
