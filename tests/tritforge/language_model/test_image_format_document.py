# SPDX-License-Identifier: Apache-2.0
"""docs/image-format.md says what the code does: its tables are compared with the code."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from tests.tritforge.image_format import TEXT, allowed_range, table_with, tables
from tritforge.container import format as container
from tritforge.container.format import PREFIX
from tritforge.language_model import image, packing
from tritforge.language_model import program as parameters
from tritforge.language_model.config import (
    DIM_RANGE,
    GLU_RANGE,
    LARGEST_ARGUMENT_SHIFT,
    LAYER_RANGE,
    SIGMOID_ARGUMENT_INTEGER_BITS,
    VOCABULARY_RANGE,
    ModelShape,
    Widths,
)
from tritforge.language_model.convert.tensor_shapes import module_names
from tritforge.language_model.image_header import ImageHeader, Sampling
from tritforge.language_model.program import RECORD_HEADER, operation_shapes
from tritforge.ternary_code import decode_byte

NUMPY_TYPES = {"u8": "u1", "u16": "<u2", "u32": "<u4", "u64": "<u8", "i16": "<i2"}
STRUCT_CODES = {"u32": "I", "u64": "Q", "bytes": "s"}


def test_prefix() -> None:
    rows = table_with("field", "header hash")
    sizes = [int(row["size"]) for row in rows]
    assert [int(row["offset"]) for row in rows] == [sum(sizes[:k]) for k in range(len(rows))]
    assert sum(sizes) == PREFIX.size
    codes = [
        (f"{row['size']}s" if row["type"] == "bytes" else STRUCT_CODES[row["type"]]) for row in rows
    ]
    assert "<" + "".join(codes) == PREFIX.format
    content = {row["field"]: row["content"] for row in rows}
    assert content["magic"].encode() == container.MAGIC
    assert int(content["format version"]) == container.FORMAT_VERSION
    assert f"{container.MAXIMUM_HEADER_BYTES:,}" in content["header bytes"]


@pytest.mark.parametrize(
    ("first_field", "kind"),
    [("magic", RECORD_HEADER), ("scale_mantissa", RECORD_HEADER["output"].base)],
)
def test_records(first_field: str, kind: np.dtype) -> None:
    (rows,) = (
        t for t in tables() if t[0].get("field") == first_field and "u16" in {r["type"] for r in t}
    )
    assert [row["field"] for row in rows] == list(kind.names)
    for row in rows:
        field_type, offset = kind.fields[row["field"]][:2]
        assert (int(row["offset"]), int(row["size"])) == (offset, field_type.itemsize)
        if row["type"] in NUMPY_TYPES:
            assert np.dtype(NUMPY_TYPES[row["type"]]) == field_type
    assert sum(int(row["size"]) for row in rows) == kind.itemsize


def test_ranges_of_the_record() -> None:
    rows = {row["field"]: row["content"] for t in tables() for row in t if "field" in row}
    shifts = parameters.SHIFT_RANGE
    for name in ("input_shift", "square_shift", "value_shift"):
        assert rows[name].startswith(f"{shifts[0]} to {shifts[1]}")
    assert f"preactivation - {1 + SIGMOID_ARGUMENT_INTEGER_BITS} - sig" in rows["forget_shift"]
    for name in ("forget_shift", "argument_shift"):
        assert f"{LARGEST_ARGUMENT_SHIFT}" in rows[name]
    assert allowed_range(rows["scale_exponent"]) == parameters.SCALE_EXPONENT_RANGE
    assert f"0x{parameters.RECORD_MAGIC:x}" in TEXT


def test_header_keys() -> None:
    common = [row["key"] for row in table_with("key", "kind")]
    assert common == [container.KIND_KEY, container.SECTIONS_KEY]
    keys = [row["key"] for row in table_with("key", "residual_fraction")]
    assert set(keys) == set(ImageHeader.__dataclass_fields__)
    assert len(keys) == len(set(keys))


def test_kind_and_versions() -> None:
    assert f"## Kind `{image.LANGUAGE_MODEL.name}`" in TEXT
    assert f"describes format version {container.FORMAT_VERSION}." in TEXT
    assert f"A file of format version {container.VERSION_WITHOUT_KIND} is laid out alike" in TEXT
    assert image.LANGUAGE_MODEL.name == container.KIND_OF_THAT_VERSION


def test_shape_keys_and_ranges() -> None:
    rows = table_with("key", "glu_width")
    assert [row["key"] for row in rows] == list(ModelShape.__dataclass_fields__)
    ranges = [DIM_RANGE, LAYER_RANGE, GLU_RANGE, VOCABULARY_RANGE]
    assert [allowed_range(row["allowed"]) for row in rows] == ranges


def test_sampling_keys() -> None:
    rows = table_with("key", "top_p")
    assert [row["key"] for row in rows] == list(Sampling.__dataclass_fields__)


def test_widths() -> None:
    rows = table_with("key", "square_sum")
    fields = dataclasses.fields(Widths)
    assert [row["key"] for row in rows] == [item.name for item in fields]
    for row, item in zip(rows, fields):
        assert int(row["default"]) == item.default
        assert allowed_range(row["allowed"]) == item.metadata["range"]
        assert row["meaning"] == item.metadata["meaning"]


def test_sections() -> None:
    rows = table_with("name", "weights")
    rules = image.LANGUAGE_MODEL.sections
    assert [row["name"] for row in rows] == [rule.name for rule in rules]
    for row, rule in zip(rows, rules):
        assert ("may be missing" in row["content"]) == rule.is_optional
    assert f"{image.MAXIMUM_TOKENIZER_BYTES:,}" in rows[4]["bytes"]
    assert f"multiples of {container.ALIGNMENT}" in TEXT


def test_program() -> None:
    shape = ModelShape(dim=20, layers=1, glu_width=30, vocabulary=40)
    sizes = {"d": shape.dim, "I": shape.glu_width, "V": shape.vocabulary}
    rows = table_with("operation", "EMBED")
    items = list(operation_shapes(shape))
    assert len(rows) == len(items)
    for row, item in zip(rows, items):
        assert (row["operation"], int(row["kind"])) == (item.kind.name, int(item.kind))
        assert (sizes[row["K"]], sizes[row["N"]]) == (item.inputs, item.rows)
        assert (int(row["matrices"]), int(row["outputs"])) == (item.matrices, item.outputs)
        assert (row["norm gain"] == "yes") == item.has_norm_gain
        (tensors,) = (text for name, text in row.items() if name.startswith("tensors"))
        named = re.findall(r"[a-z.]*_(?:proj|head)|lm_head", tensors)
        assert named == [module.removeprefix("model.layers.0.") for module in module_names(item)]


def test_escape_code() -> None:
    rows = {row["escapes"]: row for row in table_with("escapes", "none")}
    for byte in range(256):
        fields = dict(zip("ABCD", (byte >> 6 & 3, byte >> 4 & 3, byte >> 2 & 3, byte & 3)))
        escapes = " ".join(name for name, value in fields.items() if value == 3) or "none"
        word = decode_byte(byte)
        if escapes not in rows:
            assert word is None
            assert f"`{byte:02x}`" in TEXT
            continue
        cells = [rows[escapes][f"weight {k}"] for k in range(1, 6)]
        assert word == tuple(fields[cell] if cell in fields else int(cell) for cell in cells)


def test_worked_example() -> None:
    rows = [
        [int(number) for number in re.findall(r"[+-]?\d", line)]
        for line in re.findall(r"row \d: (.*)", TEXT)
    ]
    beats = [bytes.fromhex(text) for text in re.findall(r"beat \d: (.*)", TEXT)]
    packed = packing.pack_matrix(np.array(rows, np.int8), len(beats[0]))
    assert [beat.tobytes() for beat in packed[0]] == beats
