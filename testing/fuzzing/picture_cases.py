# SPDX-License-Identifier: Apache-2.0
"""Mutated pictures through the reader, the golden model and the engine."""

from __future__ import annotations

from pathlib import Path

from pynq_driver.ivit.pictures import PictureReader
from testing.fuzzing.cases import Outcome, Target, Verdict, run_vision_model
from testing.fuzzing.pictures import mutated_picture
from testing.ivit_random_model import RandomModel, write_random_image
from tritforge.errors import TritforgeError
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.shape import VisionShape
from tritforge_cli.memory import peak_memory_bytes

#: Small, but with as many pixels as the embedded model sees.
SHAPE = VisionShape(
    image_size=28, patch_size=4, channels=1, dim=12, heads=3, layers=1, hidden=20, classes=5
)
#: Largest growth of the peak memory of the process by one picture: the file, and what a picture of
#: the largest size takes while it is decoded. A sanitizer keeps what was freed for a while.
MEMORY_LIMIT = 512 << 20


class PictureTarget(Target):
    """Mutated files of pictures: each becomes an answer, the same on every execution, or an error.

    Attributes:
        path: name of the case's file in messages.
    """

    def __init__(self, folder: Path, seed: int, with_engine: bool) -> None:
        super().__init__(folder, seed)
        self.path = folder / "picture"
        self._with_engine = with_engine
        self._image = write_random_image(folder, RandomModel(SHAPE))
        self._reader = PictureReader(SHAPE, Preprocessing((0.5,), (0.5,), light_on_dark=True))

    def run(self, index: int) -> Verdict:
        """Run the case of that number and judge it."""
        before = peak_memory_bytes()
        verdict = self.judge(lambda: self._classify(mutated_picture(self.seed, index)), self.path)
        grown = peak_memory_bytes() - before
        if grown > MEMORY_LIMIT:
            return Verdict(Outcome.CRASH, f"peak memory grew by {grown >> 20} MiB")
        return verdict

    def save(self, index: int, folder: Path) -> Path:
        """Write the file of a failing case into `folder`; returns its path."""
        path = folder / f"picture-{self.seed}-{index}"
        path.write_bytes(mutated_picture(self.seed, index))
        return path

    def _classify(self, data: bytes) -> Verdict:
        try:
            pixels = self._reader.read(data)[None]
        except TritforgeError as error:
            assert str(error).isprintable(), f"the message cannot be printed: {str(error)!r}"
            raise
        verdict = run_vision_model(self._image, self._with_engine, pixels)
        return Verdict(Outcome.READ) if verdict.outcome is Outcome.REPAIRED else verdict
