# SPDX-License-Identifier: Apache-2.0
"""Kernels of other processors, cross-compiled and run under QEMU's user emulation.

Debian: apt install qemu-user g++-aarch64-linux-gnu g++-arm-linux-gnueabihf
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from testing.repository import ROOT
from tests.engine.extension import runs_other_programs

ENGINE = ROOT / "engine"


@dataclass(frozen=True)
class Selftest:
    """A program that compares the kernels of one machine.

    Attributes:
        sources: what it is made of besides the kernels of a processor.
        kernels: folder of the latter.
    """

    sources: tuple[str, ...]
    kernels: str


SELFTESTS = {
    "language_model": Selftest(
        (
            "test/kernel_selftest.cpp",
            "language_model/kernels/kernel_check.cpp",
            "language_model/kernels/kernel_set.cpp",
            "language_model/kernels/portable.cpp",
            "language_model/scalar_unit.cpp",
            "language_model/sigmoid.cpp",
        ),
        "language_model/kernels",
    ),
    "ivit": Selftest(
        (
            "test/vision_selftest.cpp",
            "ivit/kernels/kernel_check.cpp",
            "ivit/kernels/kernel_set.cpp",
            "ivit/kernels/portable.cpp",
            "ivit/prepared_factor.cpp",
            "ivit/shape.cpp",
            "ivit/shift_exponential.cpp",
        ),
        "ivit/kernels",
    ),
}
OPTIONS = ("-std=c++17", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-static")


@dataclass(frozen=True)
class Processor:
    """How to build for a processor and run on it.

    Attributes:
        definitions: preprocessor names, see engine/CMakeLists.txt.
        kernels: source file of every machine to its own compiler options.
        expected: kernels that must be there, slowest first.
    """

    compiler: str
    emulator: tuple[str, ...]
    definitions: tuple[str, ...]
    kernels: dict[str, tuple[str, ...]]
    expected: tuple[str, ...]


ARM64 = Processor(
    "aarch64-linux-gnu-g++",
    ("qemu-aarch64", "-cpu", "max"),
    ("TRITFORGE_ARM", "TRITFORGE_ARM64"),
    {
        "neon.cpp": (),
        "neon_dotprod.cpp": ("-march=armv8.2-a+dotprod",),
    },
    ("portable", "neon", "neon_dotprod"),
)
PROCESSORS = {
    "64-bit ARM": ARM64,
    "64-bit ARM without SDOT": Processor(
        ARM64.compiler,
        ("qemu-aarch64", "-cpu", "cortex-a53"),
        ARM64.definitions,
        ARM64.kernels,
        ("portable", "neon"),
    ),
    "PYNQ-Z2": Processor(
        "arm-linux-gnueabihf-g++",
        ("qemu-arm", "-cpu", "cortex-a9"),
        ("TRITFORGE_ARM",),
        {"neon.cpp": ("-mfpu=neon",)},
        ("portable", "neon"),
    ),
}


@runs_other_programs
@pytest.mark.parametrize("machine", SELFTESTS)
@pytest.mark.parametrize("name", PROCESSORS)
def test_kernels_equal_plain_arithmetic(name: str, machine: str, tmp_path: Path) -> None:
    processor, selftest = PROCESSORS[name], SELFTESTS[machine]
    for program in (processor.compiler, processor.emulator[0]):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing; Debian: {(__doc__ or '').rsplit('Debian: ')[-1]}")
    definitions = [f"-D{item}" for item in processor.definitions]
    objects = []
    kernels = {f"{selftest.kernels}/{file}": own for file, own in processor.kernels.items()}
    for source, own in {**dict.fromkeys(selftest.sources, ()), **kernels}.items():
        target = tmp_path / Path(source).with_suffix(".o").name
        command = [processor.compiler, *OPTIONS, *own, *definitions, "-I", str(ENGINE)]
        subprocess.run([*command, "-c", str(ENGINE / source), "-o", str(target)], check=True)
        objects.append(str(target))
    program = tmp_path / "selftest"
    subprocess.run([processor.compiler, *OPTIONS, *objects, "-o", str(program)], check=True)
    result = subprocess.run(
        [*processor.emulator, str(program), "48"], capture_output=True, text=True, timeout=300
    )
    print(result.stdout, result.stderr)
    assert result.returncode == 0, result.stdout + result.stderr
    assert tuple(line.split(":")[0] for line in result.stdout.splitlines()) == processor.expected
