# SPDX-License-Identifier: Apache-2.0
"""Standard output of a command: any encoding, full disks, readers that have gone."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TextIO

_HANDLER = "tritforge-escape"
_escaped: set[str] = set()


def prepare_streams() -> None:
    """Write characters that the output's encoding does not have as escapes, not as an error."""
    codecs.register_error(_HANDLER, _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeEncodeError):
        _escaped.add(error.encoding)
    return codecs.backslashreplace_errors(error)


def finish_streams() -> None:
    """Write what is buffered, and a word about escapes.

    Raises:
        OSError: it cannot be written.
    """
    if sys.stdout is not None:
        sys.stdout.flush()
    if _escaped:
        print(
            f"note: the output is {', '.join(sorted(_escaped))}, characters that it does not have "
            "are written as escapes: set PYTHONIOENCODING=utf-8 to have them as they are",
            file=sys.stderr,
        )
        _escaped.clear()


def give_up(stream: TextIO | None) -> None:
    """Send the rest of a stream nowhere, so that the interpreter's own flush at exit is silent."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
