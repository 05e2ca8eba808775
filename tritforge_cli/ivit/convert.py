# SPDX-License-Identifier: Apache-2.0
"""`tritforge convert` for vision transformers."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pynq_driver.ivit.pictures import PictureReader, find_pictures
from tritforge.errors import TritforgeError
from tritforge.ivit.convert import VisionConversionOptions, convert_vision
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.shape import VisionShape
from tritforge_cli.arguments import print_json, read_text
from tritforge_cli.memory import megabytes, peak_memory_bytes

#: Numbers in the largest array of a pass of the float model: small pictures are taken together.
_PASS_NUMBERS = 1 << 21


def add_vision_conversion_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that vision transformers alone have."""
    group = parser.add_argument_group("vision transformers (ivit)")
    group.add_argument(
        "--calibration-images",
        type=Path,
        metavar="DIR",
        help="typical pictures: the scales of activations come from their ranges, not from the "
        "checkpoint (post-training quantisation)",
    )
    group.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="names of the classes, one per line (default: those of config.json)",
    )
    group.add_argument(
        "--heads",
        type=int,
        metavar="N",
        help="attention heads, where no config.json says it (default: 64 channels each)",
    )
    group.add_argument(
        "--light-on-dark",
        action="store_true",
        help="the training pictures show light things on a dark ground, as in Fashion-MNIST: "
        "pictures with a light ground will be inverted (default: as config.json says)",
    )


def convert_vision_model(options: argparse.Namespace) -> int:
    """Convert with a progress bar, then print sizes."""
    choices = VisionConversionOptions(
        name=options.name,
        heads=options.heads,
        labels=None if options.labels is None else _read_labels(options.labels),
        light_on_dark=True if options.light_on_dark else None,
        keep_float=options.keep_float,
    )
    folder = options.calibration_images

    def pictures(shape: VisionShape, preprocessing: Preprocessing) -> Iterator[NDArray[np.uint8]]:
        reader = PictureReader(shape, preprocessing)
        paths = list(find_pictures([folder]))
        size = max(1, _PASS_NUMBERS // (shape.tokens * shape.hidden))
        with tqdm(
            total=len(paths), unit="picture", desc="calibrate", disable=None, leave=False
        ) as bar:
            for start in range(0, len(paths), size):
                batch = [reader.read(path) for path in paths[start : start + size]]
                yield np.stack(batch)
                bar.update(len(batch))

    started = time.perf_counter()
    report = convert_vision(
        options.directory, options.output, choices, None if folder is None else pictures
    )
    seconds, peak = time.perf_counter() - started, peak_memory_bytes()
    if options.json:
        values = {**asdict(report), "path": str(report.path)}
        values["weight_format"] = str(report.weight_format)
        print_json({**values, "seconds": seconds, "peak_bytes": peak})
        return 0
    scales = (
        f"of {report.calibration_images} pictures"
        if report.calibration_images
        else "of the checkpoint"
    )
    print(f"wrote            {report.path}, {megabytes(report.file_bytes)}")
    print(f"weights          {report.weights:,}, {report.weight_format}")
    print(f"arrays           {megabytes(report.array_bytes)}")
    print(f"classes          {report.classes}")
    print(f"scales           {scales}")
    print(f"took             {seconds:.1f} s, {megabytes(peak)} peak memory")
    return 0


def _read_labels(path: Path) -> tuple[str, ...]:
    labels = tuple(line.strip() for line in read_text(path).splitlines() if line.strip())
    if not labels:
        raise TritforgeError(f"{path} is empty: give the name of each class on a line of its own")
    return labels
