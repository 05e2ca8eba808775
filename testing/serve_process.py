# SPDX-License-Identifier: Apache-2.0
"""`tritforge serve` in a process of its own, on a free port of the loopback interface."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence

from tritforge.errors import TritforgeError


class ServerStartError(TritforgeError):
    """The server ended before it was ready."""


@contextlib.contextmanager
def running_server(
    options: Sequence[str], lines: int = 1
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`tritforge serve` on a free port: address and process, killed if it outlives the block.

    Args:
        options: command line of `tritforge serve`, without the port.
        lines: lines that it prints until it is ready; the address is on the last one.

    Raises:
        ServerStartError: it ended before it was ready; the message holds what it printed.
    """
    command = [sys.executable, "-m", "tritforge_cli.main", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = [process.stderr.readline() for _ in range(lines)][-1]
        found = re.search(r"http://\S+?:\d+", line)
        if found is None:
            raise ServerStartError(f"the server did not start: {line}{process.stderr.read()}")
        yield found.group(), process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
