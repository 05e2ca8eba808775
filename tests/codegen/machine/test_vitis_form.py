# SPDX-License-Identifier: Apache-2.0
"""The machine in Vitis form is clean C++ for the shim and for the vendor's types."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

import pytest

from codegen.machine.source import MachineSource
from codegen.output import write_files
from testing.repository import ROOT
from tests.codegen.machine.toy_machine import toy_source
from tests.hls.shim.shim_tools import gxx, reference_headers, run_checked

pytestmark = pytest.mark.csim

VENDOR = Path(__file__).parent / "vendor"
FORMAT = ROOT / ".clang-format"
FILES = ("machine.cpp", "top.cpp")


def written(source: MachineSource, folder: Path) -> Path:
    write_files(folder, source.files)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(toy_source(), tmp_path_factory.mktemp("toy"))


def compile_with(project: Path, *headers: Path) -> None:
    """Compile without a warning; headers of types are system headers, as in the vendor's tool."""
    includes = [f"-I{project / name}" for name in ("src", "include")]
    for folder in headers:
        includes += ["-isystem", str(folder)]
    flags = ("-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas")
    for name in FILES:
        run_checked([gxx(), *flags, *includes, str(project / "src" / name)])


def test_compiles_with_the_shim(project: Path) -> None:
    compile_with(project, project / "shim")


def test_compiles_with_the_types_of_the_vendor(project: Path) -> None:
    compile_with(project, VENDOR, reference_headers())


def test_is_formatted(project: Path) -> None:
    shutil.copy(FORMAT, project / ".clang-format")
    files = [str(project / "src" / f"machine.{suffix}") for suffix in ("hpp", "cpp")]
    program = Path(sysconfig.get_path("scripts")) / "clang-format"
    run_checked([str(program), "--dry-run", "--Werror", *files])


def test_says_what_vitis_needs(project: Path) -> None:
    text = (project / "src" / "machine.cpp").read_text(encoding="utf-8")
    for line in (
        "#pragma HLS INTERFACE mode = ap_ctrl_none port = return",
        "#pragma HLS INTERFACE mode = axis port = commands",
        "#pragma HLS INTERFACE mode = axis port = right",
        "#pragma HLS DATAFLOW",
        "    hls_thread_local hls::stream<toy::Word, 3> emitter_sums(",
    ):
        assert line in text
