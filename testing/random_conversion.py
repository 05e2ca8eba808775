# SPDX-License-Identifier: Apache-2.0
"""A checkpoint with random weights, converted, and its models on the same random tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testing.checkpoint_editing import Tensors, edit_tensors
from tritforge.language_model.config import ModelShape, default_glu_width
from tritforge.language_model.convert import ConversionOptions, convert
from tritforge.language_model.convert.comparison import ConversionFidelity, compare
from tritforge.language_model.convert.float_model import float_model
from tritforge.language_model.convert.random_checkpoint import (
    BEGIN_TOKEN,
    SMALLEST_VOCABULARY,
    write_random_checkpoint,
)
from tritforge.language_model.float_parameters import FloatArray
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.image import Image, open_image
from tritforge.language_model.reference import FloatModel

Change = Callable[[Tensors], object]
DEFAULTS = ConversionOptions()


def small_shape(dim: int, layers: int) -> ModelShape:
    """GLU width by upstream's rule, but no more than four times dim; a vocabulary of bytes."""
    return ModelShape(dim, layers, min(default_glu_width(dim), 4 * dim), SMALLEST_VOCABULARY)


@dataclass(frozen=True)
class RandomConversion:
    """Image and float64 model of one checkpoint.

    Attributes:
        tokens: (streams, positions), every stream from the begin token.
    """

    image: Image
    reference: FloatModel
    tokens: NDArray[np.int64]

    @classmethod
    def make(
        cls,
        folder: Path,
        shape: ModelShape,
        streams: int,
        positions: int,
        change: Change | None = None,
        options: ConversionOptions = DEFAULTS,
    ) -> RandomConversion:
        """Write and convert a checkpoint in an empty folder.

        Args:
            change: applied to the tensors of the checkpoint.
        """
        checkpoint, image = folder / "checkpoint", folder / "model.tritforge"
        write_random_checkpoint(checkpoint, shape)
        if change is not None:
            edit_tensors(checkpoint, change)
        convert(checkpoint, image, options)
        tokens = np.random.default_rng(1).integers(0, shape.vocabulary, (streams, positions))
        tokens[:, 0] = BEGIN_TOKEN
        return cls(open_image(image), float_model(checkpoint), tokens)

    def logits(self, model: FloatModel) -> FloatArray:
        """Logits (positions, streams, vocabulary) of a float model."""
        state = model.new_state(len(self.tokens))
        return np.stack([model.step(state, tokens) for tokens in self.tokens.T])

    def integers(self) -> tuple[FloatArray, NDArray[np.int64], dict[str, int]]:
        """Logits of the integer model, its choices (positions, streams), and what saturated."""
        golden = GoldenModel(self.image)
        state = golden.new_state(len(self.tokens))
        sums, logits = zip(*(golden.step(state, tokens) for tokens in self.tokens.T))
        scaled = np.stack(logits) * 2.0**-golden.widths.logit_fraction
        return scaled, np.stack(sums).argmax(-1), state.flags.by_name()

    def compare(self, model: FloatModel, expected: FloatArray) -> ConversionFidelity:
        """A float model beside the logits of another."""
        logits = self.logits(model)
        return compare(logits, logits.argmax(-1), expected, {})


def distance(logits: FloatArray, expected: FloatArray) -> float:
    """Root of the summed squared differences, relative to that of the expected logits."""
    norm = float(np.square(expected).sum())
    return float(np.sqrt(np.square(logits - expected).sum() / norm)) if norm else 0.0
