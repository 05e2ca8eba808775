# SPDX-License-Identifier: Apache-2.0
"""Accuracy of trained vision transformers on test images: PyTorch's simulation beside golden.

python -m benchmarks.ivit_accuracy --data DIR TRAINED... [--images N] [--processes N] [--json FILE]

One line per trained directory. A float model has one figure, of PyTorch in float32. A quantised one
has two, which must be equal: of the network of whole numbers in PyTorch, as it was trained, and of
the NumPy golden model, whose integers every engine and machine reproduces. `unlike` counts images
whose largest difference of logits exceeds one unit of golden's plus float32's rounding.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from training.ivit.dataset import LabelledImages, load_images
from training.ivit.golden_accuracy import golden_logits
from training.ivit.initial import read_initial, take_weights
from training.ivit.model import VisionTransformer
from training.ivit.trained import TrainedModel, read_trained
from tritforge.errors import TritforgeError
from tritforge.whole_file import write_whole_text

_BATCH = 250


@dataclass(frozen=True)
class Row:
    """One model: percentages of right classes, and how far both executions agree."""

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
    """Both accuracies of one trained directory."""
    trained = read_trained(folder)
    images = load_images(data, "test", trained.shape)
    images = LabelledImages(images.pixels[:count], images.classes[:count], images.labels)
    simulated = pytorch_logits(trained, folder, images, device)

    def accuracy(classes: Any) -> float:
        return 100 * float((classes == images.classes).mean())

    golden = same = unlike = None
    if trained.scales:
        with tqdm(total=len(images), desc=f"{folder.name}, golden") as bar:
            logits = golden_logits(trained, images.pixels, processes, bar.update)
        golden = accuracy(logits.classes)
        same = int((logits.classes == simulated.argmax(1)).sum())
        reals = logits.integers * 2.0**-logits.fraction
        tolerance = 2.0**-logits.fraction + 4 * np.spacing(np.abs(simulated).max())
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trained", type=Path, nargs="+", help="trained directories")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--images", type=int, metavar="N", help="the first ones (default: all)")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="for golden")
    parser.add_argument("--device", default="cpu", help="for PyTorch (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows, too")
    options = parser.parse_args(arguments)
    try:
        rows = [
            measure(folder, options.data, options.images, options.processes, options.device)
            for folder in options.trained
        ]
        if options.json is not None:
            write_whole_text(options.json, json.dumps([asdict(row) for row in rows], indent=1))
    except (TritforgeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
