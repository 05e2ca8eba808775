# SPDX-License-Identifier: Apache-2.0
"""Compilers and headers for the shim tests."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from testing.repository import ROOT

SHIM = ROOT / "hls" / "shim"
INCLUDE = ROOT / "hls" / "include"
COMPILE_TIMEOUT_S = 600
RUN_TIMEOUT_S = 120


class MissingToolError(RuntimeError):
    """Something a test needs is not installed; the message says how to get it."""


@dataclass(frozen=True)
class Toolchain:
    """A way to turn one C++ source into an executable."""

    name: str
    compiler: tuple[str, ...]
    headers: Path
    flags: tuple[str, ...] = ("-O0", "-w")

    def build(self, source: Path, *more_flags: str) -> Path:
        """Compiles and links `source`; raises with the compiler's messages on failure."""
        stem = source.parent / f"{source.stem}_{self.name}"
        includes = (f"-I{self.headers}", f"-I{INCLUDE}")
        command = [*self.compiler, "-std=c++17", *self.flags, *more_flags, *includes]
        run_checked([*command, "-c", str(source), "-o", f"{stem}.o"])
        # g++ links for clang too: the programs use only the C library and g++'s run time.
        link_flags = [flag for flag in more_flags if flag.startswith("-fsanitize")]
        run_checked([gxx(), *link_flags, f"{stem}.o", "-o", str(stem)])
        return stem


def run_checked(command: list[str]) -> None:
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S, check=False
    )
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\n{result.stderr[:4000]}")


def run_program(program: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program)], capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False
    )


def gxx() -> str:
    path = shutil.which("g++")
    if path is None:
        raise MissingToolError("g++ is not installed: apt-get install g++")
    return path


def reference_headers() -> Path:
    """The Apache-2.0 ap_types inside the hls4ml wheel, found without importing hls4ml."""
    install = "the reference headers are missing: pip install --no-deps hls4ml"
    try:
        files = importlib.metadata.files("hls4ml") or []
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingToolError(install) from error
    for file in files:
        if file.parts[-2:] == ("ap_types", "ap_int.h"):
            return Path(str(file.locate())).resolve().parent
    raise MissingToolError(f"this hls4ml has no ap_types/ap_int.h; {install}")


def gcc_with_shim() -> Toolchain:
    return Toolchain("gcc", (gxx(),), SHIM)


def gcc_with_reference() -> Toolchain:
    return Toolchain("reference", (gxx(),), reference_headers())


def clang_with_shim() -> Toolchain:
    if importlib.util.find_spec("ziglang") is None:
        raise MissingToolError("clang is missing: pip install ziglang")
    # zig adds sanitizers of its own otherwise, whose run time is not linked here.
    flags = ("-O0", "-w", "-fno-sanitize=all")
    return Toolchain("clang", (sys.executable, "-m", "ziglang", "c++"), SHIM, flags)
