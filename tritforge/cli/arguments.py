# SPDX-License-Identifier: Apache-2.0
"""Argument pieces that several commands share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pynq_driver import BACKEND_NAMES, EMBEDDED_MODEL, LanguageModel
from pynq_driver.backends import MACHINE_BACKENDS, open_backend
from tritforge.config import LANE_CHOICES, PORT_CHOICES
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.image import open_image


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """--model, --backend, --threads and --ports."""
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="model image (default: the embedded 17M story model)",
    )
    parser.add_argument(
        "--backend",
        choices=BACKEND_NAMES,
        default="cpu",
        help="cpu: C++ engine; golden: NumPy integer model, same tokens; csim: C-simulation of the "
        "generated machine, same tokens; rtl: its Verilated RTL, same tokens; float: float64 "
        "reference (default: %(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="processors for --backend cpu (default: all this process may use)",
    )
    machines = " and ".join(MACHINE_BACKENDS)
    parser.add_argument(
        "--ports",
        type=int,
        metavar="P",
        help=f"64-bit weight ports, for --backend {machines}: "
        f"{', '.join(map(str, PORT_CHOICES))} (default: what the image was packed for)",
    )


def add_lanes_argument(parser: argparse.ArgumentParser) -> None:
    """--lanes of a machine that serves one stream."""
    parser.add_argument(
        "--lanes",
        type=int,
        metavar="B",
        help=f"tokens read at once, for --backend {' and '.join(MACHINE_BACKENDS)}: "
        f"{', '.join(map(str, LANE_CHOICES))} (default: 1)",
    )


def load_model(options: argparse.Namespace, lanes: int | None = None) -> LanguageModel:
    """Open the model the arguments name; builds the machine for `csim` and `rtl`.

    Args:
        lanes: of the machine; None: 1.

    Raises:
        ConfigurationError: an option that the backend does not have.
    """
    _refuse_foreign_options(options, lanes)
    image = open_image(EMBEDDED_MODEL if options.model is None else options.model)
    library = None
    if options.backend in MACHINE_BACKENDS:
        # Imported late: the other backends run without the generator's tools.
        from tritforge.cli.machine import library_for

        library = library_for(options.backend, image, options.ports, lanes)
    return LanguageModel(image, open_backend(options.backend, image, options.threads, library))


def _refuse_foreign_options(options: argparse.Namespace, lanes: int | None) -> None:
    """An option of another backend would do nothing."""
    machines = " and ".join(MACHINE_BACKENDS)
    is_machine = options.backend in MACHINE_BACKENDS
    given = (
        ("threads", options.threads, options.backend == "cpu", "cpu"),
        ("ports", options.ports, is_machine, machines),
        ("lanes", lanes, is_machine, machines),
    )
    for name, value, belongs, owners in given:
        if value is not None and not belongs:
            raise ConfigurationError(
                f"--{name} belongs to --backend {owners}, not to {options.backend}: leave it out"
            )


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """--json, for scripts."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")


def print_json(values: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json.dumps(values, indent=2))


def read_text(path: Path) -> str:
    """Content of a UTF-8 text file the user named.

    Raises:
        TritforgeError: it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise TritforgeError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise TritforgeError(f"{path} is not UTF-8 text (byte {error.start})") from None
