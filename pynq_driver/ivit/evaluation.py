# SPDX-License-Identifier: Apache-2.0
"""Accuracy of a vision model on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pynq_driver.ivit.data_sets import LabelledPictures
from pynq_driver.ivit.model import VisionModel

#: Called with (pictures done, pictures in total).
VisionProgress = Callable[[int, int], None]
#: Pictures that a backend takes at once.
BATCH = 8


@dataclass(frozen=True)
class VisionEvaluation:
    """Result of an evaluation.

    Attributes:
        pictures: how many there were.
        correct: how many have their own class first.
        correct_in_five: how many have it among the first five.
        confusion: (classes, classes) int64: rows are the true classes, columns the answers.
    """

    pictures: int
    correct: int
    correct_in_five: int
    confusion: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of the pictures with the right answer."""
        return self.correct / self.pictures


def evaluate_pictures(
    model: VisionModel,
    pictures: LabelledPictures,
    limit: int | None = None,
    progress: VisionProgress = lambda done, total: None,
) -> VisionEvaluation:
    """Classify labelled pictures and count.

    Args:
        limit: so many of them, from the first on; None: all.
    """
    classes = model.image.header.shape.classes
    total = len(pictures.classes) if limit is None else min(limit, len(pictures.classes))
    confusion = np.zeros((classes, classes), np.int64)
    done = in_five = 0
    for pixels, expected in pictures.batches(BATCH, limit):
        logits = model.logits(pixels)
        np.add.at(confusion, (expected, logits.argmax(axis=1)), 1)
        best = np.argsort(-logits, axis=1, kind="stable")[:, :5]
        in_five += int((best == expected[:, None]).any(axis=1).sum())
        done += len(pixels)
        progress(done, total)
    return VisionEvaluation(done, int(np.trace(confusion)), in_five, confusion)
