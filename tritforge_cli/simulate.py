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


def simulated_overlay(
    folder: Path,
    model: Path = EMBEDDED_MODEL,
    board: str = AcceleratorConfig.board,
    machine: str = "csim",
    ports: int | None = None,
    lanes: int | None = None,
) -> Path:
    """Compile the machine for a model and write it as an overlay for the simulated board.

    Args:
        folder: to write; an overlay that is there is replaced.
        model: image that the machine must hold.
        machine: `csim`, fast, or `rtl`, Verilated, with cycles and counters.
        ports: 64-bit weight ports; default: what the image was packed for.
        lanes: tokens read at once; default: 1.

    Returns:
        The folder.

    Raises:
        TritforgeError: the machine cannot be built, or the folder cannot be written.
    """
    library = library_for(machine, open_image(model), ports, lanes, board=board)
    try:
        write_simulated_overlay(
            folder, library.path, library.config.to_mapping(), load_board(board)
        )
    except OSError as error:
        raise TritforgeError(
            f"cannot write {folder}: {error.strerror or error}: free some space or give another "
            "folder"
        ) from None
    return folder


def run(options: argparse.Namespace) -> int:
    """Build and write."""
    simulated_overlay(
        options.folder,
        EMBEDDED_MODEL if options.model is None else options.model,
        options.board,
        options.machine,
        options.ports,
        options.lanes,
    )
    print(f"tritforge generate --backend pynq --overlay {options.folder}")
    return 0
