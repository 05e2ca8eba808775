# SPDX-License-Identifier: Apache-2.0
"""`tritforge evaluate`: cross-entropy on a text file."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from pynq_driver.language_model.evaluation import DOCUMENT_SEPARATOR
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
        help="cross-entropy on a text file",
        description="Cross-entropy of a model on a UTF-8 text file. A line with only "
        f"{DOCUMENT_SEPARATOR} ends a document; each document is read from the empty context.",
    )
    parser.add_argument("file", type=Path, help="text file; -: standard input")
    add_model_arguments(parser)
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate and print."""
    text = read_text(options.file)
    model = load_model(options)
    started = time.perf_counter()
    with tqdm(unit="token", desc="evaluate", disable=None, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = model.evaluate(text, show)
    seconds = time.perf_counter() - started
    if options.json:
        print_json({**asdict(result), "backend": options.backend, "seconds": seconds})
        return 0
    print(f"model            {model.image.header.name}, backend {options.backend}")
    print(f"text             {result.documents} documents, {result.characters} characters")
    print(f"tokens           {result.tokens} in {seconds:.1f} s")
    print(f"nats per token   {result.nats_per_token:.12f}")
    print(f"bits per char    {result.bits_per_char:.12f}")
    return 0
