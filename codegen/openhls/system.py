# SPDX-License-Identifier: Apache-2.0
"""Programs of the host: g++ and running commands with a time limit."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from codegen.openhls.errors import CompileError, ToolError

CPP_FOLDER = Path(__file__).resolve().parent / "cpp"
_TIMEOUT_S = 900


def gxx() -> str:
    """Path of g++, which compiles C-simulations and Verilated models.

    Raises:
        ToolError: there is none.
    """
    path = shutil.which("g++")
    if path is None:
        raise ToolError("g++ is not installed; on Debian or Ubuntu: apt-get install g++")
    return path


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
