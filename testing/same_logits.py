# SPDX-License-Identifier: Apache-2.0
"""Accuracy of a vision model by the golden model and by the C++ engine, logit by logit.

`benchmarks.same_logits` is the command line.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pynq_driver.ivit.backends.cpu import CpuVisionBackend
from pynq_driver.ivit.data_sets import LabelledPictures, open_data_set
from tritforge.ivit.convert import convert_vision
from tritforge.ivit.convert.checkpoint import VisionCheckpoint
from tritforge.ivit.golden.processes import golden_logits
from tritforge.ivit.image import VisionImage, open_vision_image
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.reference import FloatVisionModel
from tritforge.ivit.shape import VisionShape

#: Pictures that the float network and the engine take at once.
_BATCH = 4

OpenPictures = Callable[[VisionShape, Preprocessing, Sequence[str]], LabelledPictures]


@dataclass(frozen=True)
class Comparison:
    """One model on the first pictures of a data set.

    Attributes:
        weights: format of the weights.
        probability: bits of the probabilities; None for a float model.
        golden, cpu: percentages of right answers; the golden one of a float model is that of the
            float64 network.
        unlike: pictures with any different logit; None for a float model.
        golden_seconds, cpu_seconds: what both took.
    """

    model: str
    pictures: int
    weights: str
    probability: int | None
    golden: float
    cpu: float | None
    unlike: int | None
    golden_seconds: float
    cpu_seconds: float | None


def fashion_mnist(folder: Path | None) -> OpenPictures:
    """Opens Fashion-MNIST in that folder, or in Debian's place, for a model."""
    return lambda shape, preprocessing, labels: open_data_set(
        "fashion-mnist", shape, preprocessing, labels, folder
    )


def compare(
    source: Path, open_pictures: OpenPictures, limit: int | None, processes: int
) -> Comparison:
    """Run one model on golden model and engine.

    Args:
        source: a model image, or a checkpoint that is converted first; one without scales of
            activations is run as the float64 network alone.
        limit: so many pictures, from the first on; None: all.
        processes: for the golden model.

    Raises:
        TritforgeError: the model or the data set cannot be opened.
    """
    name = source.stem
    if source.is_file() and source.suffix == ".tritforge":
        return _compare_image(name, open_vision_image(source), open_pictures, limit, processes)
    checkpoint = VisionCheckpoint(source)
    if not checkpoint.scales():
        return _measure_float(name, checkpoint, open_pictures, limit)
    with tempfile.TemporaryDirectory(prefix="tritforge-same-logits-") as scratch:
        report = convert_vision(source, Path(scratch) / "model.tritforge")
        return _compare_image(name, open_vision_image(report.path), open_pictures, limit, processes)


def table(rows: Sequence[Comparison]) -> str:
    """Rows as text, the number of pictures below."""
    lines = [
        f"{'model':<20}{'weights':>9}{'P bits':>8}{'golden':>10}{'cpu':>10}"
        f"{'unlike':>8}{'golden s':>10}{'cpu s':>8}"
    ]
    for row in rows:
        line = f"{row.model:<20}{row.weights:>9}"
        if row.cpu is None:
            lines.append(f"{line}{'':>8}{row.golden:>8.2f} %{'':>18}{row.golden_seconds:>10.0f}")
        else:
            lines.append(
                f"{line}{row.probability:>8}{row.golden:>8.2f} %{row.cpu:>8.2f} %"
                f"{row.unlike:>8}{row.golden_seconds:>10.0f}{row.cpu_seconds:>8.0f}"
            )
    return "\n".join([*lines, *([f"{rows[0].pictures} pictures"] if rows else [])])


def _compare_image(
    name: str, image: VisionImage, open_pictures: OpenPictures, limit: int | None, processes: int
) -> Comparison:
    header = image.header
    pixels, classes = _pictures(
        open_pictures(header.shape, header.preprocessing, header.labels), limit
    )
    started = time.perf_counter()
    with _bar(f"{name}, golden", len(pixels)) as bar:
        golden = golden_logits(image.parameters, pixels, processes, bar.update)
    golden_seconds, started = time.perf_counter() - started, time.perf_counter()
    with closing(CpuVisionBackend(image.parameters)) as backend:
        cpu = _in_batches(f"{name}, cpu", backend.logits, pixels)
    return Comparison(
        model=name,
        pictures=len(pixels),
        weights=str(header.weight_format),
        probability=header.widths.probability,
        golden=_accuracy(golden, classes),
        cpu=_accuracy(cpu, classes),
        unlike=int((golden != cpu).any(axis=1).sum()),
        golden_seconds=golden_seconds,
        cpu_seconds=time.perf_counter() - started,
    )


def _measure_float(
    name: str, checkpoint: VisionCheckpoint, open_pictures: OpenPictures, limit: int | None
) -> Comparison:
    preprocessing = checkpoint.preprocessing
    pixels, classes = _pictures(
        open_pictures(checkpoint.shape, preprocessing, checkpoint.labels), limit
    )
    model = FloatVisionModel(checkpoint.shape, checkpoint.tensors())
    started = time.perf_counter()
    logits = _in_batches(
        f"{name}, float64", lambda batch: model.logits(preprocessing.normalise(batch)), pixels
    )
    return Comparison(
        model=name,
        pictures=len(pixels),
        weights="float",
        probability=None,
        golden=_accuracy(logits, classes),
        cpu=None,
        unlike=None,
        golden_seconds=time.perf_counter() - started,
        cpu_seconds=None,
    )


def _pictures(
    pictures: LabelledPictures, limit: int | None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    count = len(pictures.classes) if limit is None else min(limit, len(pictures.classes))
    return pictures.read(0, count), pictures.classes[:count]


def _in_batches(
    title: str, run: Callable[[NDArray[np.uint8]], NDArray[Any]], pixels: NDArray[np.uint8]
) -> NDArray[Any]:
    results = []
    with _bar(title, len(pixels)) as bar:
        for first in range(0, len(pixels), _BATCH):
            results.append(run(pixels[first : first + _BATCH]))
            bar.update(len(results[-1]))
    return np.concatenate(results)


def _bar(title: str, pictures: int) -> tqdm[NoReturn]:
    return tqdm(total=pictures, desc=title, unit="picture", disable=None, leave=False)


def _accuracy(logits: NDArray[Any], classes: NDArray[np.int64]) -> float:
    return 100 * float((logits.argmax(axis=1) == classes).mean())
