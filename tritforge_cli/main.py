# SPDX-License-Identifier: Apache-2.0
"""The `tritforge` command: one module per subcommand."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from tritforge import __version__
from tritforge.errors import TritforgeError
from tritforge_cli.shadowing import check_shadowing

#: Modules of this package, in the order of the help text.
_COMMANDS = ("generate", "serve", "info", "evaluate", "convert", "rtl", "synth", "perf")


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Parser with every subcommand registered.

    Args:
        command: register this one alone, if there is one of that name: the modules of the others
            stay out of memory.
    """
    parser = argparse.ArgumentParser(
        prog="tritforge",
        description="MatMul-free language models on CPUs and FPGAs.",
        epilog="Start with: tritforge generate 'Once upon a time'",
    )
    parser.add_argument("--version", action="version", version=f"tritforge {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in (command,) if command in _COMMANDS else _COMMANDS:
        importlib.import_module(f"tritforge_cli.{name}").register(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (2: the user's mistake, 130: Ctrl-C)."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        check_shadowing()
    except TritforgeError as error:
        print(f"tritforge: error: {error}", file=sys.stderr)
        return 2
    options = build_parser(next(iter(given), None)).parse_args(given)
    try:
        return int(options.run(options))
    except TritforgeError as error:
        print(f"tritforge {options.command}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader (head, less) has gone: silence the interpreter's own flush at exit as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


if __name__ == "__main__":
    sys.exit(main())
