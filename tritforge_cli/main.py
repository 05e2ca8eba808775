# SPDX-License-Identifier: Apache-2.0
"""The `tritforge` command: one module per subcommand."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from tritforge import __version__
from tritforge.errors import TritforgeError
from tritforge_cli.output import finish_streams, give_up, prepare_streams
from tritforge_cli.shadowing import check_shadowing
from tritforge_cli.signals import Signals

#: Modules of this package, in the order of the help text.
_COMMANDS = (
    *("generate", "classify", "serve", "info", "evaluate", "convert"),
    *("train", "rtl", "synth", "perf"),
    *("overlay", "simulate", "doctor", "selftest"),
)


class _Parser(argparse.ArgumentParser):
    """A parser that knows why an argument may be none of its options."""

    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments") or "ignored explicit argument" in message:
            message += " (a prompt or a file name that begins with - goes last, behind --)"
        super().error(message)


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Parser with every subcommand registered.

    Args:
        command: register this one alone, if there is one of that name: the modules of the others
            stay out of memory.
    """
    parser = _Parser(
        prog="tritforge",
        description="MatMul-free language models and integer-only vision transformers on CPUs and "
        "FPGAs.",
        epilog="Start with: tritforge generate 'Once upon a time'",
    )
    parser.add_argument("--version", action="version", version=f"tritforge {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in (command,) if command in _COMMANDS else _COMMANDS:
        importlib.import_module(f"tritforge_cli.{name}").register(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        Exit status. 1: an input or output of the system failed, 2: the user's mistake, 130:
        Ctrl-C, 141: the reader of the output has gone, 143: ended by SIGTERM.
    """
    name = "tritforge"
    with Signals() as signals:
        try:
            prepare_streams()
            check_shadowing()
            given = sys.argv[1:] if arguments is None else arguments
            options = build_parser(next(iter(given), None)).parse_args(given)
            name = f"tritforge {options.command}"
            status = int(options.run(options))
            finish_streams()
            return status
        except BaseException as error:
            if isinstance(error, SystemExit) and not signals.interrupted:
                raise
            return _status(name, error, signals.interrupted)


def _status(name: str, error: BaseException, interrupted: bool) -> int:
    """Say what went wrong; raises `error` again if that is a fault of the program."""
    if isinstance(error, TritforgeError):
        print(f"{name}: error: {error}", file=sys.stderr)
        return 2
    # A library that Ctrl-C met in the middle, as in an import, may raise something of its own.
    if interrupted or isinstance(error, KeyboardInterrupt):
        print(file=sys.stderr)
        return 128 + signal.SIGINT
    if isinstance(error, BrokenPipeError):  # the reader (head, less) has gone
        give_up(sys.stdout)
        return 128 + signal.SIGPIPE
    if isinstance(error, OSError):
        where = error.filename or "cannot write the output"
        give_up(sys.stdout)
        print(f"{name}: error: {where}: {error.strerror or error}", file=sys.stderr)
        return 1
    raise error


if __name__ == "__main__":
    sys.exit(main())
