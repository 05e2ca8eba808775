# SPDX-License-Identifier: Apache-2.0
"""Programs of the host: the C++ compiler and running commands with a time limit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.openhls.errors import CompileError, ToolError
from codegen.openhls.tools import PINNED_VERSIONS, check_tools

_TIMEOUT_S = 900


@dataclass(frozen=True)
class HostCompiler:
    """A C++ compiler of this machine.

    Attributes:
        command: words before its options.
        name: for messages.
        identity: for cache keys.
        private_statics: options that keep static variables of two shared libraries apart.
    """

    command: tuple[str, ...]
    name: str
    identity: str
    private_statics: tuple[str, ...]


def host_compiler() -> HostCompiler:
    """What compiles C-simulations and Verilated models: g++, else the clang of `ziglang`.

    Raises:
        ToolError: there is neither.
    """
    path = shutil.which("g++")
    if path is not None:
        return HostCompiler((path,), "g++", path, ("-fno-gnu-unique",))
    try:
        check_tools("ziglang")
    except ToolError as error:
        raise ToolError(
            f"g++ is not installed (on Debian or Ubuntu: apt-get install g++), and {error}"
        ) from error
    # Zig turns on checks that stop a program; g++ has none of them.
    command = (sys.executable, "-m", "ziglang", "c++", "-fno-sanitize=undefined")
    return HostCompiler(command, "clang", f"ziglang {PINNED_VERSIONS['ziglang']}", ())


def run(
    command: Sequence[object],
    what: str,
    error: type[ToolError] | type[CompileError] = ToolError,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Run a command; its standard output.

    Raises:
        ToolError, CompileError: it failed or did not end; with the end of what it printed.
    """
    words = [str(item) for item in command]
    try:
        result = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            cwd=folder,
            env={**os.environ, **environment} if environment else None,
        )
    except subprocess.TimeoutExpired as expired:
        raise ToolError(f"{what} did not end within {_TIMEOUT_S} s") from expired
    if result.returncode != 0:
        printed = (result.stderr or result.stdout)[-3000:]
        raise error(f"{what} failed (exit code {result.returncode}):\n{printed}")
    return result.stdout
