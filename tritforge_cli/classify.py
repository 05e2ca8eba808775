# SPDX-License-Identifier: Apache-2.0
"""`tritforge classify`: pictures in, labels out."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pynq_driver.ivit.model import DEFAULT_TOP, Classification, VisionModel
from pynq_driver.ivit.pictures import PictureError, find_pictures
from tritforge_cli.arguments import STANDARD_INPUT, add_json_argument, print_json
from tritforge_cli.ivit.arguments import add_vision_arguments, load_vision_model
from tritforge_cli.ivit.half_blocks import draw

_BAR_CHARACTERS = 24
_LABEL_CHARACTERS = 32


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "classify",
        help="say what pictures show",
        description="Classify pictures of any size and format with a vision model. Of folders, "
        "every picture in them is taken.",
        epilog="A picture that cannot be read is named, the others are classified; the exit status "
        "is then 2.",
    )
    parser.add_argument(
        "pictures",
        nargs="+",
        type=Path,
        metavar="PICTURE",
        help="file or folder; -: standard input",
    )
    add_vision_arguments(parser)
    parser.add_argument(
        "--top",
        type=int,
        default=DEFAULT_TOP,
        metavar="K",
        help="classes to name, best first (default: %(default)s)",
    )
    parser.add_argument(
        "--draw", action="store_true", help="show what the model sees of each picture"
    )
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Classify and print, one picture after the other."""
    model = load_vision_model(options)
    paths = list(find_pictures(options.pictures))
    results: list[dict[str, Any]] = []
    failed = 0
    with tqdm(
        paths,
        unit="picture",
        desc="classify",
        disable=None if len(paths) > 1 else True,
        leave=False,
    ) as bar:
        for path in bar:
            try:
                results.append(_classified(model, path, options, alone=len(paths) == 1, bar=bar))
            except PictureError as error:
                failed += 1
                results.append({"picture": str(path), "error": str(error)})
                with bar.external_write_mode(file=sys.stderr):
                    print(f"tritforge classify: error: {error}", file=sys.stderr)
    model.close()
    if options.json:
        header = model.image.header
        print_json({"model": header.name, "backend": model.backend.name, "results": results})
    return 2 if failed else 0


def _classified(
    model: VisionModel, path: Path, options: argparse.Namespace, alone: bool, bar: Any
) -> dict[str, Any]:
    """Result of one picture, printed unless JSON is wanted."""
    picture = sys.stdin.buffer.read() if str(path) == STANDARD_INPUT else path
    pixels = model.pixels(picture)
    (found,) = model.classify_pixels(pixels[None], options.top)
    if not options.json:
        lines = [] if alone else [str(path)]
        if options.draw:
            lines += draw(pixels, colours=_has_colours())
        lines += bars(found)
        with bar.external_write_mode(file=sys.stdout):
            print("\n".join(lines) + ("" if alone else "\n"), flush=True)
    return {"picture": str(path), "guesses": [asdict(guess) for guess in found.guesses]}


def _has_colours() -> bool:
    """Whether standard output is a terminal that shows colours, and its user wants them."""
    return (
        sys.stdout.isatty()
        and "NO_COLOR" not in os.environ
        and os.environ.get("TERM", "") not in ("", "dumb")
    )


def bars(found: Classification) -> Sequence[str]:
    """A line for each class: label, probability, bar."""
    width = min(max(len(guess.label) for guess in found.guesses), _LABEL_CHARACTERS)
    return [
        f"{_cut(guess.label, width):<{width}}  {100 * guess.probability:5.1f} %  "
        f"{'█' * round(_BAR_CHARACTERS * guess.probability)}".rstrip()
        for guess in found.guesses
    ]


def _cut(label: str, width: int) -> str:
    return label if len(label) <= width else f"{label[: width - 1]}…"
