# SPDX-License-Identifier: Apache-2.0
"""Accuracy of trained directories on test images, by PyTorch and by the golden model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from training.ivit.dataset import LabelledImages, load_images
from training.ivit.initial import read_initial, take_weights
from training.ivit.model import VisionTransformer
from training.ivit.trained import TrainedModel, read_trained
from tritforge.ivit.golden.processes import golden_logits

_BATCH = 250


@dataclass(frozen=True)
class Row:
    """One model: percentages of right classes, and how far both executions agree.

    Attributes:
        pytorch: of the network in PyTorch, in whole numbers if it is quantised.
        golden: of the integer golden model; None for a float model.
        same_class: images of which both give the same class.
        unlike: images whose logits differ by more than one unit of golden's and float32's rounding.
    """

    model: str
    images: int
    weights: str
    scales: str
    probability: int
    pytorch: float
    golden: float | None
    same_class: int | None
    unlike: int | None


def pytorch_logits(trained: TrainedModel, folder: Path, images: LabelledImages, device: str) -> Any:
    """Logits (images, classes) float32 of the network as PyTorch computes it."""
    model = VisionTransformer(trained.shape, trained.quantisation)
    take_weights(model, read_initial(folder, trained.shape))
    model.eval().to(device)
    model.quantised = bool(trained.scales)
    results = []
    with torch.no_grad():
        for first in tqdm(range(0, len(images), _BATCH), desc=f"{folder.name}, PyTorch"):
            pixels = images.pixels[first : first + _BATCH]
            normalised = trained.preprocessing.normalise(pixels).transpose(0, 3, 1, 2)
            batch = torch.from_numpy(np.ascontiguousarray(normalised)).to(device)
            results.append(model(batch).cpu().numpy())
    return np.concatenate(results)


def measure(folder: Path, data: Path, count: int | None, processes: int, device: str) -> Row:
    """Both accuracies of one trained directory.

    Args:
        data: folder of the data set.
        count: the first test images, or None for all.
        processes: for the golden model.
        device: for PyTorch.

    Raises:
        TritforgeError: names the file, the value and the fix.
    """
    trained = read_trained(folder)
    images = load_images(data, "test", trained.shape, trained.preprocessing)
    images = LabelledImages(images.pixels[:count], images.classes[:count], images.labels)
    simulated = pytorch_logits(trained, folder, images, device)

    def accuracy(classes: Any) -> float:
        return 100 * float((classes == images.classes).mean())

    golden = same = unlike = None
    if trained.scales:
        parameters = trained.parameters()
        with tqdm(total=len(images), desc=f"{folder.name}, golden") as bar:
            integers = golden_logits(parameters, images.pixels, processes, bar.update)
        golden = accuracy(integers.argmax(1))
        same = int((integers.argmax(1) == simulated.argmax(1)).sum())
        unit = 2.0 ** -int(parameters.head.logit_fraction[0])
        reals = integers * unit
        tolerance = unit + 4 * np.spacing(np.abs(simulated).max())
        unlike = int((np.abs(reals - simulated) > tolerance).any(axis=1).sum())
    return Row(
        folder.name,
        len(images),
        str(trained.quantisation.weight_format),
        str(trained.quantisation.scale_format),
        trained.quantisation.widths.probability,
        accuracy(simulated.argmax(1)),
        golden,
        same,
        unlike,
    )


def table(rows: Sequence[Row]) -> str:
    """Rows as text; a float model has no golden figures."""
    lines = [
        f"{'model':<24}{'weights':>9}{'scales':>14}{'P bits':>8}{'PyTorch':>10}{'golden':>9}"
        f"{'same class':>12}{'unlike':>8}"
    ]
    for row in rows:
        if row.golden is None:
            lines.append(f"{row.model:<24}{'float':>9}{'':>22}{row.pytorch:>8.2f} %")
            continue
        lines.append(
            f"{row.model:<24}{row.weights:>9}{row.scales:>14}{row.probability:>8}"
            f"{row.pytorch:>8.2f} %{row.golden:>7.2f} %{row.same_class:>12}{row.unlike:>8}"
        )
    return "\n".join([*lines, f"{rows[0].images} test images" if rows else ""])
