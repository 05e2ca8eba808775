# SPDX-License-Identifier: Apache-2.0
"""docs/image-format.md, kind `ivit`: its tables are those of the code."""

from __future__ import annotations

import dataclasses
import re

import pytest

from tests.tritforge.image_format import TEXT, Table, allowed_range, table_with
from tritforge.container.format import Kind
from tritforge.ivit import array_layout, image, image_header
from tritforge.ivit.config import CheckedParameters
from tritforge.ivit.parameters import (
    LARGEST_MULTIPLIER,
    LARGEST_SHIFT,
    ArraySpecification,
    array_specifications,
)
from tritforge.ivit.preprocessing import LARGEST_NUMBER, SMALLEST_CROP, Preprocessing
from tritforge.ivit.quantise import WeightFormat
from tritforge.ivit.shape import VisionShape, VisionUnits, VisionWidths
from tritforge.language_model.image import LANGUAGE_MODEL

#: One block, every size another number, so that a dimension says which one it is.
SHAPE = VisionShape(
    image_size=74, patch_size=2, channels=3, dim=106, heads=2, layers=1, hidden=211, classes=17
)
WIDTHS = VisionWidths()
SIZES = {
    "channels": SHAPE.channels,
    "256": 256,
    "dim": SHAPE.dim,
    "3·dim": 3 * SHAPE.dim,
    "hidden": SHAPE.hidden,
    "tokens": SHAPE.tokens,
    "patch_size²·channels": SHAPE.patch_inputs,
    "classes": SHAPE.classes,
    "1": 1,
}


@pytest.mark.parametrize("kind", [LANGUAGE_MODEL, image.IVIT], ids=lambda kind: kind.name)
def test_every_kind_has_its_part(kind: Kind) -> None:
    assert f"## Kind `{kind.name}`" in TEXT


def test_header_keys() -> None:
    rows = table_with("key", "labels")
    assert [row["key"] for row in rows] == list(image_header.VisionHeader.__dataclass_fields__)
    allowed = {row["key"]: row["allowed"] for row in rows}
    assert f"{image_header.MAXIMUM_LABEL_CHARACTERS:,}" in allowed["labels"]
    assert allowed["weight_format"] == " or ".join(map(str, WeightFormat))


@pytest.mark.parametrize(
    ("first", "parameters"), [("image_size", VisionShape), ("shiftmax_n", VisionWidths)]
)
def test_shape_and_widths(first: str, parameters: type[CheckedParameters]) -> None:
    rows = table_with("key", first)
    fields = dataclasses.fields(parameters)  # type: ignore[arg-type]
    assert [row["key"] for row in rows] == [item.name for item in fields]
    for row, item in zip(rows, fields):
        assert allowed_range(row["allowed"]) == item.metadata["range"]
        assert row["meaning"] == item.metadata["meaning"]
        assert row.get("default", str(item.default)) == str(item.default)


def test_preprocessing() -> None:
    rows = {row["key"]: row["allowed"] for row in table_with("key", "std")}
    assert list(rows) == list(Preprocessing.__dataclass_fields__)
    assert rows["crop"] == f"{SMALLEST_CROP} to 1"
    assert LARGEST_NUMBER == 10**6 and "10⁶" in rows["mean"] and "10⁻⁶ to 10⁶" in rows["std"]


def test_sections() -> None:
    rows = table_with("name", "arrays")
    rules = image.IVIT.sections
    assert [row["name"] for row in rows] == [rule.name for rule in rules]
    for row, rule in zip(rows, rules):
        assert ("may be missing" in row["content"]) == rule.is_optional
    assert f"next multiple of {array_layout.ALIGNMENT} bytes" in TEXT


def number(text: str) -> int:
    """`-(2^31 - 1)` and the like."""
    match = re.fullmatch(r"(-?)\(?2\^(\d+)( - 1)?\)?", text)
    if match is None:
        return int(text)
    value = (1 << int(match.group(2))) - (match.group(3) is not None)
    return -value if match.group(1) else value


def expand(rows: Table) -> dict[str, dict[str, str]]:
    """Rows by array, in order; a factor is two arrays."""
    result = {}
    for row in rows:
        if row["type"] in ("factor", "gain"):
            result[f"{row['array']}.multiplier"] = {**row, "kind": row["type"], "type": "int32"}
            result[f"{row['array']}.shift"] = {**row, "type": "uint8", "range": "0 to 63"}
        else:
            result[row["array"]] = row
    return result


def limits(row: dict[str, str]) -> tuple[int, int]:
    units = VisionUnits(SHAPE, WIDTHS)
    text = row["range"]
    text = text.replace("the largest of Shiftmax", str(units.shiftmax.largest_x0))
    text = text.replace("the largest of ShiftGELU", str(units.shiftgelu.largest_x0))
    text = text.replace("(activation - 1)", str(WIDTHS.activation - 1))
    if row.get("kind") == "gain":
        text = f"-(2^31 - 1) to {LARGEST_MULTIPLIER}"
    elif row.get("kind") == "factor":
        text = f"0 to {LARGEST_MULTIPLIER}"
    low, high = text.split(" to ")
    return number(low), number(high)


def specification(row: dict[str, str]) -> ArraySpecification:
    shape = tuple(SIZES[size] for size in row["shape"].split(", "))
    mantissa = {"gain": WIDTHS.gain, "factor": WIDTHS.multiplier}.get(row.get("kind", ""))
    return ArraySpecification(shape, row["type"], *limits(row), mantissa)


def test_arrays() -> None:
    rows = expand(table_with("array", "input_table"))
    assert {name: specification(row) for name, row in rows.items()} == array_specifications(
        SHAPE, WIDTHS
    )
    assert list(rows) == list(array_specifications(SHAPE, WIDTHS))
    assert LARGEST_SHIFT == 63 and "the shift is 0 to 63" in TEXT
