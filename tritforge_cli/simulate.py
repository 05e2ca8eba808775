# SPDX-License-Identifier: Apache-2.0
"""`tritforge simulate`: an overlay for the simulated board."""

from __future__ import annotations

import argparse
from pathlib import Path

from pynq_driver import EMBEDDED_MODEL
from pynq_driver.language_model.backends.opening import MACHINE_BACKENDS
from pynq_driver.simulated_board.overlay import write_simulated_overlay
from tritforge.boards import board_names, load_board
from tritforge.errors import TritforgeError
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.image import open_image
from tritforge_cli.machine import library_for


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "simulate",
        help="write an overlay for the simulated board",
        description="Compile the machine for a model and write it as an overlay: machine.bit, "
        "machine.hwh and config.json. The unmodified pynq package and the board's driver run it "
        "on a PC: tritforge generate --backend pynq --overlay FOLDER.",
    )
    parser.add_argument("folder", type=Path, help="folder to write; its overlay is replaced")
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="model image that the machine must hold (default: the embedded 17M story model)",
    )
    parser.add_argument(
        "--board",
        choices=board_names(),
        default=AcceleratorConfig.board,
        help="default: %(default)s",
    )
    parser.add_argument(
        "--machine",
        choices=MACHINE_BACKENDS,
        default="csim",
        help="csim: fast; rtl: Verilated, with cycles and counters (default: %(default)s)",
    )
    parser.add_argument("--ports", type=int, metavar="P", help="64-bit weight ports")
    parser.add_argument("--lanes", type=int, metavar="B", help="tokens read at once")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Build and write."""
    image = open_image(EMBEDDED_MODEL if options.model is None else options.model)
    library = library_for(options.machine, image, options.ports, options.lanes, board=options.board)
    try:
        write_simulated_overlay(
            options.folder, library.path, library.config.to_mapping(), load_board(options.board)
        )
    except OSError as error:
        raise TritforgeError(
            f"cannot write {options.folder}: {error.strerror or error}: free some space or give "
            "another folder"
        ) from None
    print(f"tritforge generate --backend pynq --overlay {options.folder}")
    return 0
