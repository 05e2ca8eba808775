# SPDX-License-Identifier: Apache-2.0
"""Command line of the generator: `python codegen/gen.py --dim 2048`.

Other units than the language model's: `python codegen/gen.py --units shiftmax,shiftgelu --row 197`.
Works from any folder and without installing anything but jinja2 and numpy.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

if __package__ in (None, ""):  # run as a script: the packages lie beside this folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

try:
    from codegen.ivit.row_units import ROW_UNITS, RowUnitsBlueprint
    from codegen.language_model.blueprint import OPTION_NAMES
    from codegen.output import write_project
    from codegen.project import (
        Project,
        blueprint_of,
        default_folder,
        parameter_table,
        render_project,
    )
    from tritforge import __version__
    from tritforge.boards import board_names
    from tritforge.errors import ConfigurationError, TritforgeError
    from tritforge.ivit.golden import RowUnitConfig
    from tritforge.language_model.config import (
        DIM_RANGE,
        GLU_RANGE,
        LANE_CHOICES,
        LAYER_RANGE,
        PORT_CHOICES,
        VOCABULARY_RANGE,
        AcceleratorConfig,
        SigmoidKind,
        accelerator,
    )
except ModuleNotFoundError as error:
    if error.name not in ("jinja2", "numpy"):
        raise
    print(
        f"gen.py: error: the Python package {error.name} is missing; "
        f"install it with `{Path(sys.executable).name} -m pip install jinja2 numpy`",
        file=sys.stderr,
    )
    raise SystemExit(2) from None

#: The units of `AcceleratorConfig`, all together.
LANGUAGE_MODEL = "language-model"
_DEFAULTS = {item.name: item.default for item in dataclasses.fields(AcceleratorConfig)}
_ROW_UNIT_FIELDS = {item.name: item for item in dataclasses.fields(RowUnitConfig)}


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
        description="Generate the HLS C++ project of a MatMul-free language-model accelerator, "
        "or of units of an integer-only vision transformer.",
        allow_abbrev=False,
    )
    add_project_options(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON summary instead of text")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--version", action="version", version=f"tritforge codegen {__version__}")
    return parser


def add_project_options(parser: argparse.ArgumentParser) -> None:
    """Options that choose a project and its folder; `project_from_arguments` reads them."""
    parser.add_argument(
        "--units",
        default=LANGUAGE_MODEL,
        metavar="LIST",
        help=f"{LANGUAGE_MODEL}, or one or more of {','.join(ROW_UNITS)} (default: %(default)s)",
    )
    _add_language_model_options(parser)
    _add_row_unit_options(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="project folder (default: build/<name> of the checkout, or of the current folder)",
    )


def _add_language_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("options of the language model")
    options = (
        ("--dim", f"width of the model, {_range(DIM_RANGE)} (required)"),
        ("--layers", f"blocks, {_range(LAYER_RANGE)}"),
        ("--glu-width", f"GLU width, {_range(GLU_RANGE)} (default: 8/3 of dim, rounded up to 256)"),
        ("--vocabulary", f"tokens, {_range(VOCABULARY_RANGE)}"),
        ("--ports", f"64-bit memory ports: {_choices(PORT_CHOICES)}"),
        (
            "--lanes",
            f"vectors that share one weight stream, or elements of a row that a unit takes a "
            f"cycle: {_choices(LANE_CHOICES)}",
        ),
        ("--states", "recurrent states on chip, 1 or as many as lanes (default: lanes)"),
    )
    for option, text in options:
        default = _DEFAULTS[option[2:].replace("-", "_")]
        has_default = isinstance(default, int)
        # Integers are checked by the configurations, which know the ranges.
        group.add_argument(
            option, metavar="N", help=f"{text} (default: {default})" if has_default else text
        )
    group.add_argument(
        "--sigmoid",
        metavar="KIND",
        help=f"{_choices([kind.value for kind in SigmoidKind])} "
        f"(default: {SigmoidKind.TABLE.value}; the others change the model's outputs)",
    )
    group.add_argument(
        "--board",
        metavar="NAME",
        help=f"{_choices(board_names())} (default: {_DEFAULTS['board']})",
    )


def _add_row_unit_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(f"options of {', '.join(ROW_UNITS)}")
    for name, item in _ROW_UNIT_FIELDS.items():
        if name in OPTION_NAMES:
            continue
        default = "required" if item.default is dataclasses.MISSING else _usual_values(name)
        group.add_argument(
            f"--{name.replace('_', '-')}",
            metavar="N",
            help=f"{item.metadata['meaning']}, {_range(item.metadata['range'])} ({default})",
        )


def _usual_values(name: str) -> str:
    """Default of a parameter, unit by unit where they differ."""
    usual = {
        unit: {item.name: item.default for item in dataclasses.fields(entry.config)}[name]
        for unit, entry in ROW_UNITS.items()
    }
    if len(set(usual.values())) == 1:
        return f"default: {next(iter(usual.values()))}"
    return "default: " + ", ".join(f"{value} of {unit}" for unit, value in usual.items())


def _integer(value: object) -> object:
    """An int where the text is one; the configuration rejects other text and names the range."""
    try:
        return int(value) if isinstance(value, str) else value
    except ValueError:
        return value


def project_from_arguments(arguments: argparse.Namespace) -> Project:
    """What a parsed command line asks for.

    Raises:
        ConfigurationError: names the value, its range and the fix.
    """
    given = {
        name: value if name in ("board", "sigmoid") else _integer(value)
        for name in {*OPTION_NAMES, *_ROW_UNIT_FIELDS}
        if (value := getattr(arguments, name)) is not None
    }
    if arguments.units == LANGUAGE_MODEL:
        _refuse_foreign(given, OPTION_NAMES, LANGUAGE_MODEL)
        return _language_model(given)
    units = tuple(arguments.units.split(","))
    if not set(units) <= set(ROW_UNITS):
        raise ConfigurationError(
            f"--units {arguments.units!r}: give {LANGUAGE_MODEL} alone, or one or more of "
            + ",".join(ROW_UNITS)
        )
    _refuse_foreign(given, tuple(_ROW_UNIT_FIELDS), arguments.units)
    return RowUnitsBlueprint(units, given)


def _refuse_foreign(given: Iterable[str], known: Sequence[str], units: str) -> None:
    for name in sorted(set(given) - set(known)):
        raise ConfigurationError(
            f"--{name.replace('_', '-')} is no option of --units {units}: leave it out"
        )


def _language_model(given: Mapping[str, object]) -> AcceleratorConfig:
    if "dim" not in given:
        raise ConfigurationError(
            f"--dim is required: give an integer from {_range(DIM_RANGE)}, e.g. --dim 2048"
        )
    return accelerator(**given)  # type: ignore[arg-type]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the generator; returns the exit code (2 for a mistake of the user)."""
    parser = _build_parser()
    arguments = parser.parse_args(argv)
    try:
        project = project_from_arguments(arguments)
        folder = arguments.out or default_folder(project)
        files = render_project(project)
        write_project(folder, files)
    except TritforgeError as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    except OSError as error:
        parser.exit(2, f"{parser.prog}: error: cannot write {error.filename}: {error.strerror}\n")
    if arguments.json:
        print(json.dumps(_summary(project, folder, sorted(files)), indent=1))
    elif not arguments.quiet:
        print(parameter_table(project))
        print(f"\nWrote {len(files)} files to {folder}")
        print(
            f"C-simulation: cd {folder} && cmake -S . -B build && cmake --build build && "
            "ctest --test-dir build"
        )
    return 0


def _summary(project: Project, folder: Path, files: list[str]) -> dict[str, object]:
    blueprint = blueprint_of(project)
    return {
        "name": blueprint.name,
        "folder": str(folder),
        "fingerprint": blueprint.fingerprint,
        "config": blueprint.to_mapping(),
        "files": files,
    }


if __name__ == "__main__":
    sys.exit(main())
