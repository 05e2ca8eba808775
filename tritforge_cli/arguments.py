# SPDX-License-Identifier: Apache-2.0
"""Argument pieces that several commands share."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pynq_driver import BACKEND_NAMES, EMBEDDED_MODEL, LanguageModel
from pynq_driver.board.finding import OVERLAY_VARIABLE
from pynq_driver.language_model.backends.automatic import AUTOMATIC, open_best_backend
from pynq_driver.language_model.backends.opening import (
    BOARD_BACKEND,
    MACHINE_BACKENDS,
    PIPELINE_BACKEND,
    open_backend,
)
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.language_model.config import LANE_CHOICES, PORT_CHOICES
from tritforge.language_model.image import open_image

#: File name that stands for standard input.
STANDARD_INPUT = "-"
#: What every backend is, for --help.
_BACKENDS = {
    AUTOMATIC: "the best one present: pynq with a board and an overlay, else cpu, else golden",
    "cpu": "C++ engine",
    "golden": "NumPy integer model, same tokens",
    "csim": "C-simulation of the generated machine, same tokens",
    "rtl": "its Verilated RTL, same tokens",
    "float": "float64 reference",
    "pynq": "the machine in the fabric of a PYNQ board, same tokens",
    "mpi": "several boards that mpirun starts, some layers on each, same tokens",
}
#: Backends that need no machine built first.
PRESENT_BACKENDS = tuple(name for name in BACKEND_NAMES if name not in MACHINE_BACKENDS)


def add_present_arguments(
    parser: argparse.ArgumentParser, backends: Sequence[str] = PRESENT_BACKENDS
) -> None:
    """--model, --backend, --threads and --overlay; no compiled machine unless `backends` has it."""
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="model image (default: the embedded 17M story model)",
    )
    parser.add_argument(
        "--backend",
        choices=(AUTOMATIC, *backends),
        default=AUTOMATIC,
        help="; ".join(f"{name}: {_BACKENDS[name]}" for name in (AUTOMATIC, *backends))
        + f" (default: {AUTOMATIC})",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="for --backend cpu and mpi "
        "(default: the cores of one NUMA node that this process may use)",
    )
    add_overlay_argument(parser)
    parser.set_defaults(ports=None, machine_lanes=None)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """--model, --backend, --threads, --ports, --lanes and --overlay."""
    add_present_arguments(parser, BACKEND_NAMES)
    machines = " and ".join(MACHINE_BACKENDS)
    parser.add_argument(
        "--ports",
        type=int,
        metavar="P",
        help=f"64-bit weight ports, for --backend {machines}: "
        f"{', '.join(map(str, PORT_CHOICES))} (default: what the image was packed for)",
    )
    parser.add_argument(
        "--lanes",
        dest="machine_lanes",
        type=int,
        metavar="B",
        help=f"tokens read at once, for --backend {machines}: "
        f"{', '.join(map(str, LANE_CHOICES))} (default: 1)",
    )


def add_overlay_argument(parser: argparse.ArgumentParser) -> None:
    """--overlay, for commands with the backend of a board."""
    parser.add_argument(
        "--overlay",
        type=Path,
        metavar="FOLDER",
        help=f"overlay for --backend {BOARD_BACKEND}: a folder with machine.bit, machine.hwh and "
        f"config.json (default: ${OVERLAY_VARIABLE}, on a board also what packages brought)",
    )


def load_model(options: argparse.Namespace, waveform: bool = False) -> LanguageModel:
    """Open the model the arguments name; builds the machine for `csim` and `rtl`.

    `auto` becomes the name of what was chosen, and a line on standard error says so where it is not
    the usual one.

    Args:
        waveform: whether the machine of `rtl` can write waveforms.

    Raises:
        ConfigurationError: an option that the backend does not have.
    """
    _refuse_foreign_options(options)
    image = open_image(EMBEDDED_MODEL if options.model is None else options.model)
    if options.backend == AUTOMATIC:
        best = open_best_backend(image, options.threads, options.overlay)
        options.backend = best.name
        if best.notice and not getattr(options, "quiet", False):
            print(best.notice, file=sys.stderr)
        return LanguageModel(image, best.backend)
    library = None
    if options.backend in MACHINE_BACKENDS:
        # Imported late: the other backends run without the generator's tools.
        from tritforge_cli.machine import library_for

        library = library_for(
            options.backend, image, options.ports, options.machine_lanes, waveform
        )
    backend = open_backend(options.backend, image, options.threads, library, options.overlay)
    return LanguageModel(image, backend)


def foreign_option(name: str, owners: str, backend: str) -> ConfigurationError:
    """The error of an option that belongs to other backends than the chosen one.

    Args:
        name: of the option, without its dashes.
        owners: backends that have it, as the message names them.
    """
    remedy = "give that as well" if backend == AUTOMATIC else f"not to {backend}: leave it out"
    return ConfigurationError(f"--{name} belongs to --backend {owners}, {remedy}")


def _refuse_foreign_options(options: argparse.Namespace) -> None:
    if options.threads is not None and options.overlay is not None:
        raise ConfigurationError(
            "--threads belongs to --backend cpu, --overlay to --backend pynq: leave one of them out"
        )
    is_machine = options.backend in MACHINE_BACKENDS
    for name, value, belongs in (
        ("threads", options.threads, options.backend in ("cpu", PIPELINE_BACKEND, AUTOMATIC)),
        ("ports", options.ports, is_machine),
        ("lanes", options.machine_lanes, is_machine),
        ("overlay", options.overlay, options.backend in (BOARD_BACKEND, AUTOMATIC)),
    ):
        if value is not None and not belongs:
            owners = {"threads": f"cpu or {PIPELINE_BACKEND}", "overlay": BOARD_BACKEND}.get(
                name, " and ".join(MACHINE_BACKENDS)
            )
            raise foreign_option(name, owners, options.backend)


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """--json, for scripts."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")


def print_json(values: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json.dumps(values, indent=2))


def read_text(path: Path) -> str:
    """Content of a UTF-8 text file the user named; `-` is standard input.

    Raises:
        TritforgeError: it cannot be read or is not UTF-8.
    """
    is_input = str(path) == STANDARD_INPUT
    name = "standard input" if is_input else str(path)
    try:
        content = sys.stdin.buffer.read() if is_input else path.read_bytes()
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise TritforgeError(f"cannot read {name}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise TritforgeError(f"{name} is not UTF-8 text (byte {error.start})") from None
