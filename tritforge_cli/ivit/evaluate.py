# SPDX-License-Identifier: Apache-2.0
"""`tritforge evaluate --images`: accuracy of a vision model and who is taken for whom."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from pynq_driver.ivit.data_sets import open_data_set
from pynq_driver.ivit.evaluation import VisionEvaluation, evaluate_pictures
from tritforge.checks import check_integer
from tritforge_cli.arguments import print_json
from tritforge_cli.ivit.arguments import load_vision_model

#: A matrix of more classes than that is no longer read; the commonest mistakes are shown instead.
_LARGEST_MATRIX = 16
_MISTAKES_SHOWN = 10
_LABEL_CHARACTERS = 16


def evaluate_images(options: argparse.Namespace) -> int:
    """Evaluate and print."""
    if options.limit is not None:
        check_integer("limit", options.limit, 1, 1 << 31)
    model = load_vision_model(options)
    header = model.image.header
    pictures = open_data_set(
        options.images, header.shape, header.preprocessing, header.labels, options.data
    )
    started = time.perf_counter()
    with tqdm(unit="picture", desc="evaluate", disable=None, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = evaluate_pictures(model, pictures, options.limit, show)
    seconds = time.perf_counter() - started
    model.close()
    if options.json:
        print_json(
            {
                "model": header.name,
                "backend": model.backend.name,
                "pictures": result.pictures,
                "correct": result.correct,
                "correct_in_five": result.correct_in_five,
                "accuracy": result.accuracy,
                "labels": list(header.labels),
                "confusion": result.confusion.tolist(),
                "seconds": seconds,
            }
        )
        return 0
    print(f"model            {header.name}, backend {model.backend.name}")
    print(f"pictures         {result.pictures} in {seconds:.1f} s")
    print(f"accuracy         {100 * result.accuracy:.2f} % ({result.correct} right)")
    in_five = result.correct_in_five
    print(f"in first five    {100 * in_five / result.pictures:.2f} % ({in_five} right)")
    lines = matrix_lines if len(header.labels) <= _LARGEST_MATRIX else mistake_lines
    print("\n" + "\n".join(lines(result, header.labels)))
    return 0


def matrix_lines(result: VisionEvaluation, labels: Sequence[str]) -> list[str]:
    """The confusion matrix: a row for each true class, a column for each answer."""
    width = max(len(str(result.confusion.max())), len(str(len(labels) - 1)))
    shown = [label[:_LABEL_CHARACTERS] for label in labels]
    column = max(map(len, shown))
    numbers = "  ".join(f"{index:>{width}}" for index in range(len(labels)))
    lines = [f"{'true class':<{column + 7}}{numbers}  answers"]
    for index, (label, row) in enumerate(zip(shown, result.confusion)):
        counts = "  ".join(f"{count or '.':>{width}}" for count in row.tolist())
        lines.append(f"{index:>3}  {label:<{column}}  {counts}")
    return lines


def mistake_lines(result: VisionEvaluation, labels: Sequence[str]) -> list[str]:
    """The commonest mistakes."""
    wrong = result.confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MISTAKES_SHOWN]
    lines = ["commonest mistakes"]
    for true, answer in zip(*np.unravel_index(order, wrong.shape)):
        if wrong[true, answer]:
            lines.append(f"{wrong[true, answer]:7d}  {labels[true]} taken for {labels[answer]}")
    return lines
