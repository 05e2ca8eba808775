# SPDX-License-Identifier: Apache-2.0
"""C++ to LLVM IR text: everything inlined and unrolled, integers of exact width, debug lines.

The target is fixed, so that the result is the same on every host.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from codegen.openhls.errors import CompileError, ToolError, check_space
from codegen.openhls.system import VENDOR_MACROS
from codegen.openhls.tools import PINNED_VERSIONS, check_tools, zig_environment

_TIMEOUT_S = 600
_NO_LIMIT = 100_000_000
#: More iterations than this in one loop are a mistake rather than hardware.
MAXIMUM_UNROLLED_ITERATIONS = 65_536
#: Most iterations of a loop that may end before its bound.
MAXIMUM_EARLY_ENDING_ITERATIONS = 1024
_FLAGS = (
    "-target",
    "x86_64-linux-gnu",
    "-std=c++17",
    "-O2",
    "-g",
    "-fno-discard-value-names",
    "-fno-sanitize=all",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-stack-protector",
    "-fno-threadsafe-statics",
    "-fno-vectorize",
    "-fno-slp-vectorize",
    # A switch that chooses a place would become a table of pointers.
    "-fno-jump-tables",
    "-Wno-unknown-pragmas",
    "-Wno-unused-label",
    # Tables that constexpr functions make: as many steps as g++ allows.
    "-fconstexpr-steps=33554432",
    "-mllvm",
    f"-inline-threshold={_NO_LIMIT}",
    "-mllvm",
    f"-unroll-threshold={_NO_LIMIT}",
    "-mllvm",
    f"-unroll-full-max-count={MAXIMUM_UNROLLED_ITERATIONS}",
    "-mllvm",
    f"-unroll-max-upperbound={MAXIMUM_EARLY_ENDING_ITERATIONS}",
    "-DTRITFORGE_OPENHLS",
    # As Vitis HLS does for what becomes hardware, and not for its C-simulation.
    "-D__SYNTHESIS__",
    *VENDOR_MACROS,
)


def compile_to_llvm(source: Path, include_folders: Sequence[Path]) -> str:
    """LLVM IR of one C++ file.

    Args:
        include_folders: where `ap_int.h`, `hls_stream.h` and the kernels' headers are.

    Raises:
        ToolError: clang is missing or did not end.
        CompileError: the source does not compile.
    """
    return _output(("-S", "-emit-llvm"), source, include_folders).decode()


def preprocess(source: Path, include_folders: Sequence[Path]) -> bytes:
    """What clang compiles for a C++ file: its text and that of all it includes, with their names.

    Raises:
        ToolError: clang is missing or did not end.
        CompileError: a file is missing.
    """
    return _output(("-E",), source, include_folders)


def _output(options: Sequence[str], source: Path, include_folders: Sequence[Path]) -> bytes:
    check_tools("ziglang")
    if not source.is_file():
        raise CompileError(f"{source} is not a file: give the C++ file with the top function")
    includes = [f"-I{folder}" for folder in include_folders]
    command = [sys.executable, "-m", "ziglang", "c++", *_FLAGS, *includes]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        command += [*options, str(source), "-o", str(output)]
        try:
            result = subprocess.run(
                command,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
                env=zig_environment(folder),
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(
                f"clang did not end within {_TIMEOUT_S} s on {source}: is a loop unrolled too far?"
            ) from error
        if result.returncode != 0:
            check_space(f"clang on {source}", result.stderr)
            raise CompileError(f"{source} does not compile:\n{_errors_only(result.stderr)}")
        return output.read_bytes()


def fingerprint() -> str:
    """What the result depends on besides the sources: compiler and flags."""
    return " ".join((PINNED_VERSIONS["ziglang"], *_FLAGS))


def _errors_only(messages: str) -> str:
    """The compiler's errors with their context; warnings about its own flags are left out."""
    lines = [line for line in messages.splitlines() if not line.startswith("zig: warning")]
    return "\n".join(lines[:40])
