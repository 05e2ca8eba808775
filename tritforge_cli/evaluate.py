# SPDX-License-Identifier: Apache-2.0
"""`tritforge evaluate`: cross-entropy on a text file, or accuracy on labelled pictures."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from pynq_driver.ivit.data_sets import FASHION_MNIST, FASHION_MNIST_FOLDER
from pynq_driver.language_model.backends.automatic import AUTOMATIC
from pynq_driver.language_model.evaluation import DOCUMENT_SEPARATOR
from tritforge.errors import ConfigurationError
from tritforge_cli.arguments import (
    add_json_argument,
    add_model_arguments,
    load_model,
    print_json,
    read_text,
)


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "evaluate",
        help="cross-entropy on a text, accuracy on pictures",
        description="Cross-entropy of a language model on a UTF-8 text file. A line with only "
        f"{DOCUMENT_SEPARATOR} ends a document; each document is read from the empty context. "
        "With --images: accuracy of a vision model.",
    )
    parser.add_argument("file", nargs="?", type=Path, help="text file; -: standard input")
    add_model_arguments(parser)
    # None until the kind of model is known: each kind has a default of its own.
    parser.set_defaults(backend=None)
    parser.add_argument(
        "--images",
        metavar="NAME|DIR",
        help=f"labelled pictures for a vision model: {FASHION_MNIST} (its 10,000 test images), or "
        "a folder with a folder of pictures for each class, named like it (default model: the "
        "embedded one)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help=f"where the idx files of {FASHION_MNIST} lie (default: {FASHION_MNIST_FOLDER})",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="the first N pictures alone")
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate and print."""
    if (options.file is None) == (options.images is None):
        raise ConfigurationError("give either a text file or --images")
    if options.images is not None:
        return _evaluate_images(options)
    for name in ("data", "limit"):
        if getattr(options, name) is not None:
            raise ConfigurationError(f"--{name} belongs to --images: leave it out")
    options.backend = options.backend or AUTOMATIC
    text = read_text(options.file)
    model = load_model(options)
    started = time.perf_counter()
    with tqdm(unit="token", desc="evaluate", disable=None, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = model.evaluate(text, show)
    seconds = time.perf_counter() - started
    saturations = dict(model.backend.saturations())
    if saturations:
        print(f"warning: values saturated: {saturations}", file=sys.stderr)
    if options.json:
        print_json(
            {
                **asdict(result),
                "saturations": saturations,
                "backend": options.backend,
                "seconds": seconds,
            }
        )
        return 0
    print(f"model            {model.image.header.name}, backend {options.backend}")
    print(f"text             {result.documents} documents, {result.characters} characters")
    print(f"tokens           {result.tokens} in {seconds:.1f} s")
    print(f"nats per token   {result.nats_per_token:.12f}")
    print(f"bits per char    {result.bits_per_char:.12f}")
    return 0


def _evaluate_images(options: argparse.Namespace) -> int:
    """Accuracy of a vision model; it has fewer backends, and no machine."""
    # Imported late, as all that only one kind of model needs.
    from tritforge_cli.ivit.evaluate import evaluate_images

    for name, value in (
        ("ports", options.ports),
        ("lanes", options.machine_lanes),
        ("overlay", options.overlay),
    ):
        if value is not None:
            raise ConfigurationError(f"--{name} belongs to language models: leave it out")
    return evaluate_images(options)
