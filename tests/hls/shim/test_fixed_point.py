# SPDX-License-Identifier: Apache-2.0
"""common/fixed_point.hpp against Python integers, with our headers and the reference's."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from tests.hls.shim import shim_tools

pytestmark = pytest.mark.csim

SOURCE = Path(__file__).resolve().parent / "fixed_point_check.cpp"
WIDTH = 20


def round_half_up_shift(value: int, shift: int) -> int:
    return value if shift == 0 else (value + (1 << (shift - 1))) >> shift


def saturate(value: int, width: int) -> tuple[int, int]:
    limit = 2 ** (width - 1) - 1
    limited = max(-limit, min(limit, value))
    return limited, int(limited != value)


def expected_line(value: int, shift: int) -> list[int]:
    natural = value % 2**WIDTH
    rounded = [round_half_up_shift(value, shift), round_half_up_shift(natural, shift)]
    rounded += [round_half_up_shift(value, fixed) for fixed in (0, 1, 7, 30)]
    rounded.append(round_half_up_shift(natural, 3))
    saturated = [saturate(value, width) for width in (2, 8, 20, 24)]
    return rounded + [part for pair in saturated for part in pair]


def cases() -> list[tuple[int, int]]:
    """Ends of the range, ties, the borders of saturation, and random values."""
    rng = random.Random(1)
    corners = [0, 1, -1, 2, -2, 63, 64, 65, -63, -64, -65, 126, 127, 128, -126, -127, -128, -129]
    corners += [2 ** (WIDTH - 1) - 1, -(2 ** (WIDTH - 1)), -(2 ** (WIDTH - 1)) + 1]
    every_shift = [(value, shift) for value in corners for shift in range(32)]
    limit = 2 ** (WIDTH - 1)
    return every_shift + [(rng.randrange(-limit, limit), rng.randrange(32)) for _ in range(2000)]


@pytest.mark.parametrize("headers", ["gcc", "clang", "reference"])
def test_fixed_point(headers: str, tmp_path: Path) -> None:
    toolchains = {
        "gcc": shim_tools.gcc_with_shim,
        "clang": shim_tools.clang_with_shim,
        "reference": shim_tools.gcc_with_reference,
    }
    source = tmp_path / SOURCE.name
    source.write_text(SOURCE.read_text())
    program = toolchains[headers]().build(source)
    numbers = cases()
    result = subprocess.run(
        [str(program)],
        input="".join(f"{value} {shift}\n" for value, shift in numbers),
        capture_output=True,
        text=True,
        timeout=shim_tools.RUN_TIMEOUT_S,
        check=True,
    )
    got = [[int(word) for word in line.split()] for line in result.stdout.splitlines()]
    assert got == [expected_line(value, shift) for value, shift in numbers]
