# SPDX-License-Identifier: Apache-2.0
"""Generating, compiling and running projects with g++, as a user of the C-simulation does."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

from codegen.blueprint import Blueprint
from codegen.output import write_project
from codegen.project import render_project
from codegen.sources import bench_of

BUILD_TIMEOUT_S = 300
FLAGS = ("-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas")


def tool(name: str) -> str:
    """A program of the Python environment or of the system."""
    beside_python = Path(sysconfig.get_path("scripts")) / name
    found = str(beside_python) if beside_python.is_file() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is missing: install a C++17 compiler, `pip install cmake ninja`")
    return found


def run(command: Sequence[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )


def make_project(project: Blueprint, folder: Path) -> Path:
    write_project(folder, render_project(project))
    return folder


def compile_bench(project: Path, unit: str) -> Path:
    """One test bench with the top-level functions, without CMake."""
    program = project / f"{unit}_bench"
    includes = ["-Iinclude", "-Isrc", "-Itb", "-isystem", "shim"]
    bench, _ = bench_of(project, unit)
    sources = [bench, "src/top.cpp"]
    command = [tool("g++"), *FLAGS, "-Wno-unused-label", *includes, *sources, "-o", program]
    result = run(command, project)
    assert result.returncode == 0, result.stderr
    return program


def build_benches(project: Path) -> Path:
    """All test benches of a project, by its own CMake file; returns the build folder."""
    build = project / "build"
    configure = [tool("cmake"), "-S", ".", "-B", build, "-G", "Ninja", "-DCMAKE_CXX_FLAGS=-Werror"]
    make = [f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}", f"-DCMAKE_CXX_COMPILER={tool('g++')}"]
    for command in (
        [*configure, *make],
        [tool("cmake"), "--build", build, "--parallel", "2"],
    ):
        result = run(command, project)
        assert result.returncode == 0, result.stdout + result.stderr
    return build


def run_bench(project: Path, unit: str, program: Path) -> subprocess.CompletedProcess[str]:
    return run([program, bench_of(project, unit)[1]], project)
