# SPDX-License-Identifier: Apache-2.0
"""Generating, compiling and running projects with g++, as a user of the C-simulation does."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from codegen.blueprint import Blueprint
from codegen.output import write_project
from codegen.project import render_project
from codegen.sources import bench_of
from testing.faults.fault import UnitFault

BUILD_TIMEOUT_S = 300
FLAGS = ("-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas")


def fault_parameters(faults: Sequence[UnitFault]) -> list[Any]:
    """The first fault of every unit always, the others with the slow tests."""
    usual = {item.unit: item for item in reversed(faults)}.values()
    return [
        pytest.param(item, id=item.name, marks=() if item in usual else (pytest.mark.slow,))
        for item in faults
    ]


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
    """One test bench with the top-level functions, or of the machine of them, without CMake."""
    program = project / f"{unit}_bench"
    includes = ["-Iinclude", "-Isrc", "-Itb", "-isystem", "shim"]
    bench, _ = bench_of(project, unit)
    sources = [bench, "src/top.cpp", *(["src/machine.cpp"] if unit == "machine" else [])]
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


def check_fault_is_found(fault: UnitFault, files: Mapping[str, bytes], folder: Path) -> None:
    """Write the generated project with the fault in it; the bench of its unit must fail."""
    write_project(folder, files)
    path = folder / Path(fault.path).relative_to("hls")
    path.write_text(fault.put_into(path.read_text()))
    result = run_bench(folder, fault.unit, compile_bench(folder, fault.unit))
    output = result.stdout + result.stderr
    assert result.returncode != 0, f"the bench missed the fault: {output}"
    # A unit that runs out of step reads an empty stream, which ends the simulation.
    assert "expected" in output or "read while empty" in output
