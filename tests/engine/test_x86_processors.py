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
import re
import shutil
import sys
from pathlib import Path

import pytest

from testing.repository import ROOT
from tests.engine.extension import KERNELS, _engine, runs_other_programs
from tests.proof.csim.simulation import run, tool

pytestmark = [
    runs_other_programs,
    pytest.mark.skipif(
        platform.machine() not in ("x86_64", "AMD64") or sys.platform != "linux",
        reason="the programs are for Linux on x86-64",
    ),
]


SELFTESTS = ("kernel_selftest", "vision_selftest")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build folder of both self-tests, with emulated tiles."""
    cmake, folder = tool("cmake"), tmp_path_factory.mktemp("selftest")
    options = ("-DTRITFORGE_EMULATED_TILES=ON", f"-DPython_EXECUTABLE={sys.executable}")
    for command in (
        [cmake, "-G", "Ninja", "-S", ROOT, "-B", folder, *options],
        [cmake, "--build", folder, "--target", *SELFTESTS, "--parallel", "2"],
    ):
        result = run(command, folder)
        assert result.returncode == 0, result.stdout + result.stderr
    return folder / "engine"


@pytest.fixture(scope="module")
def selftest(engine: Path) -> Path:
    """engine/test/kernel_selftest.cpp."""
    return engine / "kernel_selftest"


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


def test_kernels_of_newer_processors_share_no_function(engine: Path) -> None:
    objects = list(engine.rglob("kernels/*.o"))
    newer = [path for path in objects if path.name.startswith(("avx", "amx_int8"))]
    assert len(newer) >= 7
    for path in newer:
        assert shared_functions(path) == [], path
    # Compiled for every processor, so they may share functions: this check would see some.
    for path in objects:
        assert path.name != "kernel_set.cpp.o" or shared_functions(path)


#: Instructions on floating-point registers that only move bits.
MOVES = re.compile(
    r"v?(mov|mask|and|or|xor|unpck|shuf|blend|broadcast|insert|extract|perm|compress)"
)
#: Names of integer vector instructions begin with p.
FLOATING_POINT = re.compile(r"(?!v?p)\w*[ps][sd](2\w+)?$|v?cvt\w*[ps][sd]\w*$|f[a-z]\w*$")


def float_instructions(program: Path) -> list[str]:
    """Arithmetic, comparisons and conversions of floating-point numbers in an object file."""
    result = run([tool("objdump"), "-d", "--no-show-raw-insn", program], program.parent)
    assert result.returncode == 0, result.stderr
    fields = [line.split("\t") for line in result.stdout.splitlines()]
    found = [line[1].split()[0] for line in fields if len(line) > 1 and line[1].strip()]
    assert found, f"{program} has no instructions"
    return [name for name in found if FLOATING_POINT.match(name) and not MOVES.match(name)]


def test_the_vision_engine_has_no_float_instruction(engine: Path) -> None:
    objects = list(engine.rglob("vision_engine.dir/ivit/**/*.o"))
    assert {"worker.cpp.o", "executor.cpp.o", "avx2.cpp.o"} <= {path.name for path in objects}
    for path in objects:
        assert float_instructions(path) == [], path
    # Sampling weights come from real numbers: this check would see some.
    (sampling,) = engine.rglob("language_model/kernels/portable.cpp.o")
    assert float_instructions(sampling)


@pytest.mark.parametrize(
    ("processor", "expected"),
    [("Nehalem", ["portable"]), ("Haswell", ["portable", "avx2"])],
)
def test_vision_kernels_on_older_processors(
    engine: Path, processor: str, expected: list[str]
) -> None:
    if shutil.which("qemu-x86_64") is None:
        pytest.skip("qemu-x86_64 is missing; Debian: apt install qemu-user")
    command: list[str | Path] = ["qemu-x86_64", "-cpu", processor, engine / "vision_selftest", "24"]
    assert kernels_found_right(command, engine) == expected


def test_vision_kernels_of_this_processor(engine: Path) -> None:
    assert kernels_found_right([engine / "vision_selftest"], engine) == (
        _engine.VisionEngine.kernels()
    )


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
