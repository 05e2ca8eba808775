# SPDX-License-Identifier: Apache-2.0
"""`tritforge selftest`: recorded tokens on every backend."""

from __future__ import annotations

import argparse
import time

from pynq_driver import EMBEDDED_MODEL
from pynq_driver.language_model.backends.opening import (
    BOARD_BACKEND,
    MACHINE_BACKENDS,
    open_backend,
)
from pynq_driver.language_model.known_answer import RECORDED_TOKENS, check_known_answer
from tritforge.checks import check_integer
from tritforge.errors import TritforgeError
from tritforge.language_model.image import open_image
from tritforge_cli.arguments import add_overlay_argument

#: Backends whose tokens are recorded; `float` is another arithmetic.
_BACKENDS = ("golden", "cpu", *MACHINE_BACKENDS, BOARD_BACKEND)


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "selftest",
        help="compare recorded tokens on backends",
        description="Generate recorded tokens of the embedded model on backends and compare. "
        "csim and rtl build a machine first, which takes minutes.",
    )
    parser.add_argument(
        "--backends",
        nargs="+",
        choices=_BACKENDS,
        metavar="NAME",
        help=f"{', '.join(_BACKENDS)} (default: golden and cpu, and pynq if there is an --overlay)",
    )
    parser.add_argument(
        "--tokens",
        type=int,
        default=8,
        metavar="N",
        help=f"1 to {RECORDED_TOKENS} (default: %(default)s)",
    )
    add_overlay_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """One line for each backend; 1 if one of them fails."""
    count = check_integer("tokens", options.tokens, 1, RECORDED_TOKENS)
    names = options.backends or ["golden", "cpu", *([BOARD_BACKEND] if options.overlay else [])]
    image, failed = open_image(EMBEDDED_MODEL), False
    for name in names:
        library = None
        started = time.perf_counter()
        try:
            if name in MACHINE_BACKENDS:
                from tritforge_cli.machine import library_for

                library = library_for(name, image)
            backend = open_backend(name, image, library=library, overlay=options.overlay)
            check_known_answer(backend, name, count)
        except TritforgeError as error:
            failed = True
            print(f"{name:<8} FAILED  {error}")
        else:
            print(f"{name:<8} ok      {count} tokens, {time.perf_counter() - started:.1f} s")
    return int(failed)
