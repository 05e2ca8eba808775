# SPDX-License-Identifier: Apache-2.0
"""Programs of the host: the C++ compiler and running commands with a time limit."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.openhls.errors import CompileError, TimeLimitError, ToolError, check_space
from codegen.openhls.tools import PINNED_VERSIONS, check_tools, zig_environment

_TIMEOUT_S = 900

#: What Vitis HLS defines for hardware and C-simulation alike; kernels that other tools read as well
#: choose their headers and streams by it.
VENDOR_MACROS = ("-D__VITIS_HLS__",)


@dataclass(frozen=True)
class HostCompiler:
    """A C++ compiler of this machine.

    Attributes:
        command: words before its options.
        name: for messages.
        identity: place and version, for cache keys.
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
        identity = f"{path}: {_version(path)}"
        return HostCompiler((path,), "g++", identity, ("-fno-gnu-unique",))
    try:
        check_tools("ziglang")
    except ToolError as error:
        raise ToolError(
            f"g++ is not installed (on Debian or Ubuntu: apt-get install g++), and {error}"
        ) from error
    # Zig turns on checks that stop a program; g++ has none of them.
    command = (sys.executable, "-m", "ziglang", "c++", "-fno-sanitize=undefined")
    return HostCompiler(command, "clang", f"ziglang {PINNED_VERSIONS['ziglang']}", ())


@functools.lru_cache(maxsize=8)
def _version(path: str) -> str:
    return run([path, "--version"], f"{path} --version").splitlines()[0]


def preprocess(compiler: HostCompiler, options: Sequence[object], source: Path) -> bytes:
    """What the compiler reads of a C++ file and all it includes: text without names of files.

    Args:
        options: as for compiling the file; it is compiled without debug information.

    Raises:
        ToolError: the compiler did not end.
        CompileError: a file is missing.
    """
    with tempfile.TemporaryDirectory(prefix="openhls_") as folder:
        output = Path(folder) / "output.ii"
        command = [*compiler.command, *options, "-E", "-P", source, "-o", output]
        run(command, f"{compiler.name} on {source}", CompileError)
        return output.read_bytes()


def run(
    command: Sequence[object],
    what: str,
    error: type[ToolError] | type[CompileError] = ToolError,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    limit_s: float = _TIMEOUT_S,
) -> str:
    """Run a command; its standard output.

    Args:
        limit_s: seconds after which it is stopped.

    Raises:
        TimeLimitError: it did not end.
        ToolError: it may not be run.
        ToolError, CompileError: it failed; with the end of what it printed.
    """
    words = [str(item) for item in command]
    try:
        with tempfile.TemporaryDirectory(prefix="openhls_") as zig_cache:
            result = subprocess.run(
                words,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=limit_s,
                check=False,
                cwd=folder,
                env={**zig_environment(zig_cache), **(environment or {})},
            )
    except subprocess.TimeoutExpired as expired:
        raise TimeLimitError(f"{what} did not end within {limit_s:g} s") from expired
    except PermissionError:
        raise ToolError(
            f"{what}: {words[0]} may not be run. If its disk allows no programs (noexec), set "
            "TRITFORGE_CACHE to a folder on one that does"
        ) from None
    if result.returncode != 0:
        printed = (result.stderr or result.stdout)[-3000:]
        check_space(what, printed)
        raise error(f"{what} failed (exit code {result.returncode}):\n{printed}")
    return result.stdout
