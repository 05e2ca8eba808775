# SPDX-License-Identifier: Apache-2.0
"""Kernels of x86 processors other than the one at hand.

The AMX kernel runs as it was compiled: engine/test/emulated_tiles.cpp executes the tile
instructions that this processor refuses, and the rest of it is AVX-512. Older processors, which
must get by without executing a single instruction of the newer kernels, are emulated by QEMU
(Debian: apt install qemu-user). That also depends on what the linker may choose: no object
file of a newer kernel offers a function that other files could call instead of their own one.
"""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

import pytest

from testing.repository import ROOT
from tests.engine.extension import KERNELS, runs_other_programs
from tests.proof.csim.simulation import run, tool

pytestmark = [
    runs_other_programs,
    pytest.mark.skipif(
        platform.machine() not in ("x86_64", "AMD64") or sys.platform != "linux",
        reason="the programs are for Linux on x86-64",
    ),
]


@pytest.fixture(scope="module")
def selftest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """engine/test/kernel_selftest.cpp with emulated tiles."""
    cmake, folder = tool("cmake"), tmp_path_factory.mktemp("selftest")
    options = ("-DTRITFORGE_EMULATED_TILES=ON", f"-DPython_EXECUTABLE={sys.executable}")
    for command in (
        [cmake, "-G", "Ninja", "-S", ROOT, "-B", folder, *options],
        [cmake, "--build", folder, "--target", "kernel_selftest", "--parallel", "2"],
    ):
        result = run(command, folder)
        assert result.returncode == 0, result.stdout + result.stderr
    return folder / "engine" / "kernel_selftest"


def kernels_found_right(command: list[str | Path], folder: Path) -> list[str]:
    """Kernels that the program compared, slowest first."""
    result = run(command, folder)
    print(result.stdout, result.stderr)
    assert result.returncode == 0, result.stdout + result.stderr
    return [line.split(":")[0] for line in result.stdout.splitlines()]


def shared_functions(program: Path) -> list[str]:
    """Functions of an object file that other files can call, or get instead of their own ones."""
    result = run([tool("nm"), "--defined-only", program], program.parent)
    assert result.returncode == 0, result.stderr
    symbols = [line.split(maxsplit=2) for line in result.stdout.splitlines()]
    return [name for _, kind, name in symbols if kind in "TWi"]


def test_kernels_of_newer_processors_share_no_function(selftest: Path) -> None:
    objects = {path.name: path for path in selftest.parent.rglob("kernels/*.o")}
    newer = {name for name in objects if name.startswith(("avx", "amx_int8"))}
    assert len(newer) >= 4
    for name in newer:
        assert shared_functions(objects[name]) == [], name
    # Compiled for every processor, so it may share functions: this check would see some.
    assert shared_functions(objects["kernel_set.cpp.o"])


@pytest.mark.skipif(
    "avx512_vnni" not in KERNELS, reason="this processor lacks AVX-512 with VNNI and VBMI"
)
def test_amx_on_emulated_tiles(selftest: Path) -> None:
    cache = (selftest.parents[1] / "CMakeCache.txt").read_text()
    if "TRITFORGE_ASSEMBLES_AMX:INTERNAL=1" not in cache:
        pytest.skip("the compiler's assembler does not know AMX, so the kernel is left out")
    found = kernels_found_right([selftest, "400"], selftest.parent)
    assert found == [*(name for name in KERNELS if name != "amx_int8"), "amx_int8"]


@pytest.mark.parametrize(
    ("processor", "expected"),
    [("Nehalem", ["portable"]), ("Haswell", ["portable", "avx2"])],
)
def test_older_processors(selftest: Path, processor: str, expected: list[str]) -> None:
    if shutil.which("qemu-x86_64") is None:
        pytest.skip("qemu-x86_64 is missing; Debian: apt install qemu-user")
    command: list[str | Path] = ["qemu-x86_64", "-cpu", processor, selftest, "48"]
    assert kernels_found_right(command, selftest.parent) == expected
