# SPDX-License-Identifier: Apache-2.0
"""docs/ivit-numerics.md: its widths, limits and sites are those of the code."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from testing.repository import ROOT
from tritforge.ivit.parameters import array_specifications
from tritforge.ivit.shape import VisionShape, VisionUnits, VisionWidths, preset
from tritforge.ivit.sites import activation_sites

DOCUMENT = (ROOT / "docs" / "ivit-numerics.md").read_text(encoding="utf-8")
NAMES = ("fashion-mnist", "deit-tiny", "deit-base")
SHAPES = tuple(preset(name) for name in NAMES)


def units(shape: VisionShape) -> VisionUnits:
    return VisionUnits(shape, VisionWidths())


ROWS: dict[str, Callable[[VisionShape], int]] = {
    "I-LayerNorm: sum of squares": lambda shape: units(shape).layer_norm.square_sum_bits,
    "I-LayerNorm: root": lambda shape: units(shape).layer_norm.root_bits,
    "I-LayerNorm: factor": lambda shape: units(shape).layer_norm.factor_bits,
    "I-LayerNorm: normalised, signed": lambda shape: units(shape).layer_norm.normalised_bits,
    "I-LayerNorm: output with bias, signed": lambda shape: units(shape).layer_norm.result_bits,
    "Shiftmax: exponential": lambda shape: units(shape).shiftmax.exponential_bits,
    "Shiftmax: sum": lambda shape: units(shape).shiftmax.sum_bits,
    "Shiftmax: factor": lambda shape: units(shape).shiftmax.factor_bits,
    "Shiftmax: probability": lambda shape: units(shape).shiftmax.result_bits,
    "Shiftmax: largest \\|x0\\|": lambda shape: units(shape).shiftmax.largest_x0,
    "ShiftGELU: x·sigmoid, signed": lambda shape: units(shape).shiftgelu.result_bits,
    "ShiftGELU: largest \\|x0\\|": lambda shape: units(shape).shiftgelu.largest_x0,
}


@pytest.mark.parametrize("name", ROWS)
def test_the_table_of_widths_is_derived(name: str) -> None:
    row = " | ".join(str(ROWS[name](shape)) for shape in SHAPES)
    assert f"| {name} | {row} |" in DOCUMENT


def test_the_table_of_widths_names_its_models() -> None:
    assert f"| | {' | '.join(NAMES)} |" in DOCUMENT


def test_the_table_of_sites_is_complete() -> None:
    sites = activation_sites(SHAPES[1], VisionWidths())
    expected = {
        (name.replace("blocks.0.", "blocks.i."), str(bits))
        for name, bits in sites.items()
        if not re.match(r"blocks\.[1-9]", name)
    }
    table = set(re.findall(r"^\| `([a-z_.0-9]+)` \| [^|]+ \| (\d+) \|", DOCUMENT, re.MULTILINE))
    assert table == expected


def test_the_table_of_arrays_is_complete() -> None:
    names = array_specifications(SHAPES[0], VisionWidths())
    expected = {
        re.sub(r"\.(multiplier|shift)$", "", name.replace("blocks.0.", "blocks.i."))
        for name in names
        if not re.match(r"blocks\.[1-9]", name)
    }
    shown: set[str] = set()
    for line in re.findall(r"^\| array: (.+?) \|", DOCUMENT, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", line):
            shown |= {name} if "{" not in name else set(expand(name))
    assert shown == expected


def expand(name: str) -> list[str]:
    """`a.{b,c}.d` as `a.b.d` and `a.c.d`."""
    match = re.search(r"\{([^}]+)\}", name)
    if not match:
        return [name]
    return [
        result
        for choice in match.group(1).split(",")
        for result in expand(name[: match.start()] + choice + name[match.end() :])
    ]
