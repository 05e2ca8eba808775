# SPDX-License-Identifier: Apache-2.0
"""Command line of the generator: `python codegen/gen.py --dim 2048`.

Single units: `python codegen/gen.py --model ivit --units shiftmax,layer_norm --row 197`.
Works from any folder and without installing anything but jinja2 and numpy.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

if __package__ in (None, ""):  # run as a script: the packages lie beside this folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

try:
    from codegen.blueprint import Blueprint
    from codegen.model import Option
    from codegen.models import DEFAULT_MODEL, MODELS
    from codegen.output import write_project
    from codegen.project import default_folder, parameter_table, render_project
    from tritforge import __version__
    from tritforge.errors import ConfigurationError, TritforgeError
except ModuleNotFoundError as error:
    if error.name not in ("jinja2", "numpy"):
        raise
    print(
        f"gen.py: error: the Python package {error.name} is missing; "
        f"install it with `{Path(sys.executable).name} -m pip install jinja2 numpy`",
        file=sys.stderr,
    )
    raise SystemExit(2) from None


class _Parser(argparse.ArgumentParser):
    """Prints one line for a wrong command line, without the usage text in front of it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}; see --help\n")


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="gen.py",
        description="Generate the HLS C++ project of a whole machine, or of single units.",
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
        "--model",
        choices=tuple(MODELS),
        default=DEFAULT_MODEL,
        help="what to generate (default: %(default)s)",
    )
    parser.add_argument(
        "--units",
        metavar="LIST",
        help="single units instead of the whole machine, joined by commas; "
        + "; ".join(f"{model.name}: {', '.join(model.units)}" for model in MODELS.values()),
    )
    for names, options in _options_by_models().items():
        group = parser.add_argument_group(f"options of --model {' and '.join(names)}")
        for name in options:
            texts = {model: _option_of(model, name) for model in names}
            meaning = "; ".join(
                f"{model}: {option.help}" if len(names) > 1 else option.help
                for model, option in texts.items()
            )
            option = texts[names[0]]
            group.add_argument(option.flag, metavar="NAME" if option.is_text else "N", help=meaning)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="project folder (default: build/<name> of the checkout, or of the current folder)",
    )


def project_from_arguments(arguments: argparse.Namespace) -> Blueprint:
    """What a parsed command line asks for.

    Raises:
        ConfigurationError: names the value, its range and the fix.
    """
    model = MODELS[arguments.model]
    given: dict[str, object] = {}
    for names, options in _options_by_models().items():
        for name in options:
            option, value = _option_of(names[0], name), getattr(arguments, name)
            if value is None:
                continue
            if model.name not in names:
                raise ConfigurationError(
                    f"{option.flag} is an option of --model {names[0]}, not of {model.name}: "
                    f"leave it out, or give --model {names[0]}"
                )
            given[name] = value if option.is_text else _integer(value)
    units = () if arguments.units is None else tuple(arguments.units.split(","))
    if len(set(units)) < len(units) or not set(units) <= set(model.units):
        raise ConfigurationError(
            f"--units {arguments.units!r}: give one or more of {', '.join(model.units)}, each once"
        )
    return model.blueprint(given, units)


def _options_by_models() -> dict[tuple[str, ...], list[str]]:
    """Names of the models that share options -> names of these options."""
    owners: dict[str, tuple[str, ...]] = {}
    for model in MODELS.values():
        for option in model.options:
            owners[option.name] = (*owners.get(option.name, ()), model.name)
    found: dict[tuple[str, ...], list[str]] = {}
    for name, names in owners.items():
        found.setdefault(names, []).append(name)
    return found


def _option_of(model: str, name: str) -> Option:
    return next(option for option in MODELS[model].options if option.name == name)


def _integer(value: object) -> object:
    """An int where the text is one; the configuration rejects other text and names the range."""
    try:
        return int(value) if isinstance(value, str) else value
    except ValueError:
        return value


def main(argv: Sequence[str] | None = None) -> int:
    """Run the generator; returns the exit code (2 for a mistake of the user)."""
    parser = _build_parser()
    arguments = parser.parse_args(argv)
    try:
        blueprint = project_from_arguments(arguments)
        folder = arguments.out or default_folder(blueprint)
        files = render_project(blueprint)
        write_project(folder, files)
    except TritforgeError as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    except OSError as error:
        parser.exit(2, f"{parser.prog}: error: cannot write {error.filename}: {error.strerror}\n")
    if arguments.json:
        print(json.dumps(_summary(blueprint, folder, sorted(files)), indent=1))
    elif not arguments.quiet:
        print(parameter_table(blueprint))
        print(f"\nWrote {len(files)} files to {folder}")
        print(
            f"C-simulation: cd {folder} && cmake -S . -B build && cmake --build build && "
            "ctest --test-dir build"
        )
    return 0


def _summary(blueprint: Blueprint, folder: Path, files: list[str]) -> dict[str, object]:
    return {
        "name": blueprint.name,
        "folder": str(folder),
        "fingerprint": blueprint.fingerprint,
        "config": blueprint.to_mapping(),
        "files": files,
    }


if __name__ == "__main__":
    sys.exit(main())
