# SPDX-License-Identifier: Apache-2.0
"""How a new image does on its calibration text, beside the float model of the checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array
from tritforge.language_model.float_parameters import FloatArray
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.image import Image

#: First positions of every calibration sequence that are compared.
COMPARED_POSITIONS = 16
#: A choice counts where the float model's best token leads by this share of the logits' deviation.
SURE_MARGIN = 0.01
#: Below this agreement, or above this error, `convert` warns.
LEAST_AGREEMENT = 0.95
LARGEST_ERROR = 0.10


@dataclass(frozen=True)
class ConversionFidelity:
    """Integer logits against float ones, both teacher-forced.

    Attributes:
        positions: compared positions.
        logit_error: root of the summed squared differences, relative to that of the float logits.
        agreement: share of the same most likely token, of the positions where the float model's
            choice is no matter of rounding.
        saturations: signals that saturated, and how often.
    """

    positions: int
    logit_error: float
    agreement: float
    saturations: dict[str, int] = field(default_factory=dict)

    @property
    def is_poor(self) -> bool:
        """Whether the image follows its checkpoint less well than a user should expect."""
        return (
            self.agreement < LEAST_AGREEMENT
            or self.logit_error > LARGEST_ERROR
            or bool(self.saturations)
        )


@dataclass
class _Comparison:
    """Sums over the positions compared so far."""

    positions: int = 0
    sure: int = 0
    same: int = 0
    squared_error: float = 0.0
    squared_norm: float = 0.0

    def add(
        self, integer: FloatArray, choices: NDArray[np.int64], reference: NDArray[np.floating]
    ) -> None:
        """Compare logits (..., vocabulary) and the most likely tokens (...) of the integers."""
        expected = reference.astype(np.float64)
        self.positions += choices.size
        self.squared_error += float(np.square(integer - expected).sum())
        self.squared_norm += float(np.square(expected).sum())
        best = np.partition(expected, -2, axis=-1)[..., -2:]
        sure = best[..., 1] - best[..., 0] > SURE_MARGIN * expected.std(-1)
        self.sure += int(sure.sum())
        self.same += int((choices == expected.argmax(-1))[sure].sum())

    def result(self, saturations: dict[str, int]) -> ConversionFidelity:
        norm = self.squared_norm
        error = float(np.sqrt(self.squared_error / norm)) if norm else 0.0
        agreement = self.same / self.sure if self.sure else 1.0
        return ConversionFidelity(self.positions, error, agreement, saturations)


def compare(
    integer: FloatArray,
    choices: NDArray[np.int64],
    reference: NDArray[np.floating],
    saturations: dict[str, int],
) -> ConversionFidelity:
    """Compare logits (..., vocabulary).

    Args:
        choices: (...) most likely tokens of the integer model, by its raw sums.
    """
    comparison = _Comparison()
    comparison.add(integer, choices, reference)
    return comparison.result(saturations)


def compare_with_calibration(
    image: Image,
    tokens: NDArray[np.int64],
    logits: NDArray[np.float32],
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> ConversionFidelity:
    """Run an image over the first positions of the calibration text, layer by layer, so that the
    weights of one layer at a time are unpacked.

    Args:
        tokens: (sequences, tokens).
        logits: (sequences, positions, vocabulary) of the float model.
        progress: called with ("compare", layers done, layers in total).
    """
    golden = GoldenModel(image)
    sequences, positions = logits.shape[:2]
    state = golden.new_state(sequences)
    residuals: list[Int64Array] = [golden.embed(tokens[:, at]) for at in range(positions)]
    layers = image.header.shape.layers
    for layer in range(layers):
        residuals = [golden.token_mixer(state, layer, residual) for residual in residuals]
        together = golden.channel_mixer(state, layer, np.concatenate(residuals))
        residuals = np.split(together, positions)
        golden.forget_weights()
        progress("compare", layer + 1, layers)
    comparison = _Comparison()
    for at, residual in enumerate(residuals):
        sums, integer = golden.head(state, residual)
        scaled = integer.astype(np.float64) * 2.0**-golden.widths.logit_fraction
        comparison.add(scaled, sums.argmax(-1), logits[:, at])
    return comparison.result(state.flags.by_name())
