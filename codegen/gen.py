# SPDX-License-Identifier: Apache-2.0
"""Command line of the generator: `python codegen/gen.py --dim 2048`.

Works from any folder and without installing anything but jinja2 and numpy.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

if __package__ in (None, ""):  # run as a script: the packages lie beside this folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

try:
    from codegen.output import write_project
    from codegen.project import default_folder, parameter_table, project_name, render_project
    from tritforge import __version__
    from tritforge.boards import board_names
    from tritforge.config import (
        DIM_RANGE,
        GLU_RANGE,
        LANE_CHOICES,
        LAYER_RANGE,
        PORT_CHOICES,
        VOCABULARY_RANGE,
        AcceleratorConfig,
    )
    from tritforge.errors import TritforgeError
except ModuleNotFoundError as error:
    if error.name not in ("jinja2", "numpy"):
        raise
    print(
        f"gen.py: error: the Python package {error.name} is missing; "
        f"install it with `{Path(sys.executable).name} -m pip install jinja2 numpy`",
        file=sys.stderr,
    )
    raise SystemExit(2) from None

_DEFAULTS = {item.name: item.default for item in dataclasses.fields(AcceleratorConfig)}


class _Parser(argparse.ArgumentParser):
    """Prints one line for a wrong command line, without the usage text in front of it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}; see --help\n")


def _range(limits: tuple[int, int]) -> str:
    return f"{limits[0]} to {limits[1]}"


def _choices(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="gen.py",
        description="Generate the HLS C++ project of a MatMul-free language-model accelerator.",
        allow_abbrev=False,
    )
    options = (
        ("--dim", f"width of the model, {_range(DIM_RANGE)} (required)"),
        ("--layers", f"blocks, {_range(LAYER_RANGE)}"),
        ("--glu-width", f"GLU width, {_range(GLU_RANGE)} (default: 8/3 of dim, rounded up to 256)"),
        ("--vocabulary", f"tokens, {_range(VOCABULARY_RANGE)}"),
        ("--ports", f"64-bit memory ports: {_choices(PORT_CHOICES)}"),
        ("--lanes", f"vectors that share one weight stream: {_choices(LANE_CHOICES)}"),
    )
    for option, text in options:
        default = _DEFAULTS[option[2:].replace("-", "_")]
        has_default = isinstance(default, int)
        # Integers are checked by AcceleratorConfig, which knows the ranges.
        parser.add_argument(
            option,
            metavar="N",
            default=default if has_default else None,
            help=f"{text} (default: {default})" if has_default else text,
        )
    parser.add_argument(
        "--board",
        default=_DEFAULTS["board"],
        metavar="NAME",
        help=f"{_choices(board_names())} (default: {_DEFAULTS['board']})",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="project folder (default: build/<name> of the checkout, or of the current folder)",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON summary instead of text")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--version", action="version", version=f"tritforge codegen {__version__}")
    return parser


def _integer(value: object) -> object:
    """An int where the text is one; AcceleratorConfig rejects other text and names the range."""
    try:
        return int(value) if isinstance(value, str) else value
    except ValueError:
        return value


def config_from_arguments(arguments: argparse.Namespace) -> AcceleratorConfig:
    """Configuration of a parsed command line.

    Raises:
        ConfigurationError: names the value, its range and the fix.
    """
    names = ("dim", "layers", "vocabulary", "ports", "lanes")
    values = {name: _integer(getattr(arguments, name)) for name in names}
    glu_width = None if arguments.glu_width is None else _integer(arguments.glu_width)
    return AcceleratorConfig(**values, glu_width=glu_width, board=arguments.board)  # type: ignore[arg-type]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the generator; returns the exit code (2 for a mistake of the user)."""
    parser = _build_parser()
    arguments = parser.parse_args(argv)
    if arguments.dim is None:
        parser.error(
            f"--dim is required: give an integer from {_range(DIM_RANGE)}, e.g. --dim 2048"
        )
    try:
        config = config_from_arguments(arguments)
        folder = arguments.out or default_folder(config)
        files = render_project(config)
        write_project(folder, files)
    except TritforgeError as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    except OSError as error:
        parser.exit(2, f"{parser.prog}: error: cannot write {error.filename}: {error.strerror}\n")
    if arguments.json:
        print(json.dumps(_summary(config, folder, sorted(files)), indent=1))
    elif not arguments.quiet:
        print(parameter_table(config))
        print(f"\nWrote {len(files)} files to {folder}")
        print(
            f"C-simulation: cd {folder} && cmake -S . -B build && cmake --build build && "
            "ctest --test-dir build"
        )
    return 0


def _summary(config: AcceleratorConfig, folder: Path, files: list[str]) -> dict[str, object]:
    return {
        "name": project_name(config),
        "folder": str(folder),
        "fingerprint": config.fingerprint(),
        "config": config.to_mapping(),
        "files": files,
    }


if __name__ == "__main__":
    sys.exit(main())
