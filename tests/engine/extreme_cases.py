# SPDX-License-Identifier: Apache-2.0
"""Random models, usual and extreme, on which every execution must equal the golden model."""

from __future__ import annotations

from dataclasses import dataclass

from tests.engine.extreme_model import USUAL_SCALE_EXPONENT, extreme_image, random_widths
from tritforge.language_model.config import ModelShape
from tritforge.language_model.embedding import EmbeddingType
from tritforge.language_model.image import Image

SHAPES = {
    "even": ModelShape(dim=80, layers=2, glu_width=160, vocabulary=96),
    "odd": ModelShape(dim=73, layers=3, glu_width=101, vocabulary=131),
    "smallest": ModelShape(dim=16, layers=1, glu_width=16, vocabulary=2),
    "long rows": ModelShape(dim=33, layers=1, glu_width=1203, vocabulary=65),
    "aligned": ModelShape(dim=640, layers=1, glu_width=320, vocabulary=40),
}
#: The state stays within the SiLU outputs it is mixed from, and SiLU(h) within h.
UNREACHABLE = {"state", "silu_state"}


@dataclass(frozen=True)
class Case:
    """A random model; see `extreme_image`."""

    name: str
    seed: int
    extremity: float
    rows_per_beat: int = 16
    any_widths: bool = False
    scale_exponent: int = USUAL_SCALE_EXPONENT

    def image(self) -> Image:
        shape = SHAPES[self.name]
        longest = max(shape.dim, shape.glu_width)
        return extreme_image(
            shape,
            self.rows_per_beat,
            self.seed,
            self.extremity,
            random_widths(self.seed, longest) if self.any_widths else None,
            embedding_type=list(EmbeddingType)[self.seed % len(EmbeddingType)],
            aligned=self.name == "aligned",
            scale_exponent=self.scale_exponent,
        )


USUAL = [Case(name, 1, 0.0, rows) for name in SHAPES for rows in (8, 16, 32)]
EXTREME = [
    Case(name, seed, extremity)
    for seed, name in enumerate([*SHAPES, *SHAPES])
    for extremity in (0.05, 0.3, 1.0)
]
EXTREME += [Case("smallest", seed, 0.2) for seed in range(20)]
EXTREME += [Case(name, 1, 0.0, scale_exponent=-128) for name in SHAPES]
OTHER_WIDTHS = [Case("odd", seed, 0.1, 8, True) for seed in range(8)]
OTHER_WIDTHS += [Case("aligned", seed, 0.1, 16, True) for seed in range(8)]
