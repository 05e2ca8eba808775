# SPDX-License-Identifier: Apache-2.0
"""hls/shim/ap_int.h against the Apache-2.0 ap_types on random programs, and on corner cases."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.hls.shim import shim_tools
from tests.hls.shim.ap_int_programs import Program, generate_program
from tests.hls.shim.shim_tools import Toolchain

pytestmark = pytest.mark.csim

HERE = Path(__file__).resolve().parent
STRICT = ("-Wall", "-Wextra", "-Wconversion", "-Werror", "-Wno-unknown-pragmas")
SANITIZERS = ("-fsanitize=undefined,address", "-fno-sanitize-recover=all")


def outputs(source: Path, toolchains: list[Toolchain]) -> dict[str, list[str]]:
    """Builds and runs one source with every toolchain, two at a time."""

    def build_and_run(toolchain: Toolchain) -> list[str]:
        result = shim_tools.run_program(toolchain.build(source))
        assert result.returncode == 0, f"{toolchain.name}: {result.stderr[-2000:]}"
        return result.stdout.splitlines()

    with ThreadPoolExecutor(max_workers=2) as pool:
        lines = pool.map(build_and_run, toolchains)
        return dict(zip((t.name for t in toolchains), lines, strict=True))


def difference(program: Program, expected: list[str], got: list[str]) -> str:
    """The first line that differs, with its expression."""
    for want, have in zip(expected, got, strict=True):
        if want != have:
            text = program.texts[int(want.split()[0])]
            return f"{text}\n  reference: {want}\n  shim:      {have}"
    return ""


def wrong_types(program: Program, lines: list[str]) -> list[str]:
    """Expressions whose printed type is not what UG1399's rules say."""
    messages = []
    for line in lines[: len(program.texts)]:
        index, type_name = line.split()[:2]
        if type_name != program.types[int(index)]:
            text = program.texts[int(index)]
            messages.append(f"{text}: {type_name}, expected {program.types[int(index)]}")
    return messages


def compare_random_program(seed: int, blocks: int, expressions: int, directory: Path) -> None:
    program = generate_program(seed, blocks, expressions, patterns=24)
    source = directory / f"random_{seed}.cpp"
    source.write_text(program.source)
    results = outputs(
        source,
        [
            shim_tools.gcc_with_reference(),
            shim_tools.gcc_with_shim(),
            shim_tools.clang_with_shim(),
        ],
    )
    assert len(results["reference"]) == 24 * blocks * expressions
    assert wrong_types(program, results["reference"]) == []
    assert difference(program, results["reference"], results["gcc"]) == ""
    assert difference(program, results["reference"], results["clang"]) == ""


def test_random_program(tmp_path: Path) -> None:
    compare_random_program(seed=20240602, blocks=10, expressions=10, directory=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_random_programs_sweep(seed: int, tmp_path: Path) -> None:
    compare_random_program(seed, blocks=25, expressions=10, directory=tmp_path)


def test_random_program_has_no_undefined_behaviour(tmp_path: Path) -> None:
    program = generate_program(seed=7, blocks=3, expressions=10, patterns=24)
    source = tmp_path / "sanitized.cpp"
    source.write_text(program.source)
    gcc = shim_tools.gcc_with_shim()
    plain = shim_tools.run_program(gcc.build(source))
    sanitized = shim_tools.run_program(gcc.build(source, *SANITIZERS))
    assert sanitized.returncode == 0, sanitized.stderr[-2000:]
    assert sanitized.stdout == plain.stdout


def division_checks(cases: list[tuple[int, int]], widths: tuple[int, int], signed: bool) -> str:
    """C++ that divides numbers wider than 64 bits and compares with Python's results."""
    types = [f"ap_{'' if signed else 'u'}int<{width}>" for width in widths]
    checks = []
    for a, b in cases:
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        remainder = a - quotient * b
        checks.append(
            f"    {{ const {types[0]} a = {cpp_value(types[0], a)};\n"
            f"      const {types[1]} b = {cpp_value(types[1], b)};\n"
            f"      bad += a / b != {cpp_value('ap_int<300>', quotient)};\n"
            f"      bad += a % b != {cpp_value('ap_int<300>', remainder)}; }}\n"
        )
    return "".join(checks)


def cpp_value(type_name: str, value: int) -> str:
    """A C++ expression for a large number."""
    chunks = [f"0x{value >> shift & 2**64 - 1:x}ull" for shift in range(256, -1, -64)]
    return f"{type_name}(({', '.join(f'ap_uint<64>({chunk})' for chunk in chunks)}))"


def division_cases(widths: tuple[int, int], signed: bool) -> list[tuple[int, int]]:
    """Pairs of dividend and divisor: one the reference gets wrong, and random ones."""
    rng = random.Random(f"{widths} {signed}")
    offsets = [2 ** (width - 1) if signed else 0 for width in widths]
    cases = [(2 ** (widths[0] - 2), 2 ** (widths[1] - 3) + 1), (-offsets[0], 1 - 2 * signed)]
    for _ in range(5):
        a = rng.getrandbits(widths[0]) - offsets[0]
        b = (rng.getrandbits(widths[1]) - offsets[1]) >> rng.randrange(widths[1] - 1)
        cases.append((a, b or 1))
    return cases


@pytest.mark.parametrize("signed", [False, True])
def test_wide_division(signed: bool, tmp_path: Path) -> None:
    """Against Python: the reference's division of more than 64 bits is wrong."""
    checks = "".join(
        division_checks(division_cases(widths, signed), widths, signed)
        for widths in ((65, 70), (128, 128), (249, 128), (256, 190))
    )
    source = tmp_path / "division.cpp"
    source.write_text(
        f"#include <ap_int.h>\nint main() {{\n    int bad = 0;\n{checks}    return bad;\n}}\n"
    )
    for toolchain in (shim_tools.gcc_with_shim(), shim_tools.clang_with_shim()):
        assert shim_tools.run_program(toolchain.build(source)).returncode == 0


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_corner_cases(compiler: str, tmp_path: Path) -> None:
    """ap_int_corners.cpp checks itself; it also has to compile without warnings."""
    gcc = compiler == "gcc"
    toolchain = shim_tools.gcc_with_shim() if gcc else shim_tools.clang_with_shim()
    source = tmp_path / "ap_int_corners.cpp"
    source.write_text((HERE / "ap_int_corners.cpp").read_text())
    flags = (*STRICT, *SANITIZERS) if gcc else STRICT
    quiet = tuple(flag for flag in toolchain.flags if flag != "-w")
    strict = Toolchain(toolchain.name, toolchain.compiler, toolchain.headers, quiet)
    result = shim_tools.run_program(strict.build(source, *flags))
    assert result.returncode == 0, result.stdout + result.stderr[-2000:]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("ap_uint<8> x = 1; return (int)x[zero + 8];", "ap_int: bit index out of range"),
        ("ap_uint<8> x = 1; return x.range(zero + 8, 1).to_int();", "ap_int: range out of range"),
        ("ap_int<8> x = 1; return (x / ap_int<8>(zero)).to_int();", "ap_int: division by zero"),
        (
            "ap_uint<70> x = 1; unsigned long long y = x.range(zero + 68, 0); return (int)y;",
            "ap_int: range of more than 64 bits used as C integer",
        ),
    ],
)
def test_broken_rules_abort(statement: str, message: str, tmp_path: Path) -> None:
    source = tmp_path / "abort.cpp"
    source.write_text(
        f"#include <ap_int.h>\nint main(int argc, char**) {{ int zero = argc - 1; {statement} }}\n"
    )
    result = shim_tools.run_program(shim_tools.gcc_with_shim().build(source, "-O2"))
    assert result.returncode == -6
    assert result.stderr == message + "\n"


@pytest.mark.parametrize(
    "statement",
    [
        "ap_uint<70> x = 1; if (x) return 1;",
        "ap_uint<70> x = 1; int y = x; return y;",
        "ap_uint<70> x = 1; return x.to_bool();",
        "ap_uint<8> x = 1; ap_int<8> y = 2; return ((x, y) + y).to_int();",
    ],
)
def test_vendor_traps_do_not_compile(statement: str, tmp_path: Path) -> None:
    source = tmp_path / "refused.cpp"
    source.write_text(f"#include <ap_int.h>\nint main() {{ {statement} }}\n")
    with pytest.raises(AssertionError, match="error:"):
        shim_tools.gcc_with_shim().build(source)


def test_constant_tables_need_no_initialiser(tmp_path: Path) -> None:
    """A static table is data: no guard variable, no constructor at run time."""
    source = tmp_path / "table.cpp"
    source.write_text(
        "#include <ap_int.h>\n"
        "int look_up(int i) {\n"
        "    static const ap_int<5> table[3] = {1, -2, 40};\n"
        "    static ap_uint<200> state = 0;\n"
        "    return (table[i] + state++).to_int();\n"
        "}\n"
    )
    for toolchain in (shim_tools.gcc_with_shim(), shim_tools.clang_with_shim()):
        output = tmp_path / f"{toolchain.name}.s"
        command = [*toolchain.compiler, "-std=c++17", *toolchain.flags, "-O2"]
        include = f"-I{toolchain.headers}"
        shim_tools.run_checked([*command, include, "-S", str(source), "-o", str(output)])
        assert "guard" not in output.read_text()
