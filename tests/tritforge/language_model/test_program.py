# SPDX-License-Identifier: Apache-2.0
"""Parameter stream: round trip, byte layout by plain `struct`, and every check of the reader."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tritforge.errors import ImageError
from tritforge.language_model.config import ModelShape, Widths
from tritforge.language_model.program import (
    RECORD_HEADER,
    RECORD_MAGIC,
    SCALE_EXPONENT_RANGE,
    SHIFT_RANGE,
    ArgumentShifts,
    Operation,
    OperationKind,
    OperationShape,
    ScaledOutput,
    decode_operations,
    encode_operation,
    operation_shapes,
    parameter_bytes,
    scale_mantissa_range,
    shift_ranges,
    square_offset_range,
)

SHAPE = ModelShape(dim=18, layers=2, glu_width=21, vocabulary=30)
WIDTHS = Widths()


def random_operation(item: OperationShape, generator: np.random.Generator) -> Operation:
    def gain() -> np.ndarray:
        return generator.integers(-32767, 32768, item.inputs).astype(np.int16)

    def drawn(limits: tuple[int, int]) -> int:
        return int(generator.integers(limits[0], limits[1], endpoint=True))

    is_embed = item.kind is OperationKind.EMBED
    return item.operation(
        input_shift=0 if is_embed else drawn(SHIFT_RANGE),
        square_shift=0 if is_embed else drawn(SHIFT_RANGE),
        square_offset=0 if is_embed else drawn(square_offset_range(WIDTHS)),
        shifts=ArgumentShifts(*map(drawn, shift_ranges(item.kind, WIDTHS).values())),
        norm_gain=gain() if item.has_norm_gain else None,
        outputs=tuple(
            ScaledOutput(
                gain(),
                int(generator.integers(0, SHIFT_RANGE[1] + 1)),
                int(generator.integers(0, scale_mantissa_range(WIDTHS)[1] + 1)),
                int(generator.integers(SCALE_EXPONENT_RANGE[0], SCALE_EXPONENT_RANGE[1] + 1)),
            )
            for _ in range(item.outputs)
        ),
        lower_bound=generator.integers(0, 65536, item.inputs).astype(np.uint16)
        if item.has_lower_bound
        else None,
    )


def random_stream(shape: ModelShape, seed: int = 0) -> tuple[list[Operation], np.ndarray]:
    generator = np.random.default_rng(seed)
    operations = [random_operation(item, generator) for item in operation_shapes(shape)]
    data = b"".join(map(encode_operation, operations))
    return operations, np.frombuffer(bytearray(data), np.uint8)


def assert_same(left: Operation, right: Operation) -> None:
    for name in ("kind", "layer", "inputs", "rows", "matrices", "input_shift", "square_shift"):
        assert getattr(left, name) == getattr(right, name), name
    assert (left.square_offset, left.shifts) == (right.square_offset, right.shifts)
    for name in ("norm_gain", "lower_bound"):
        a, b = getattr(left, name), getattr(right, name)
        assert (a is None) == (b is None), name
        assert a is None or np.array_equal(a, b), name
    assert len(left.outputs) == len(right.outputs)
    for a, b in zip(left.outputs, right.outputs):
        assert np.array_equal(a.gain, b.gain)
        assert (a.value_shift, a.scale_mantissa, a.scale_exponent) == (
            (b.value_shift, b.scale_mantissa, b.scale_exponent)
        )


@settings(max_examples=40)
@given(
    st.builds(
        ModelShape,
        dim=st.integers(16, 40),
        layers=st.integers(1, 4),
        glu_width=st.integers(16, 40),
        vocabulary=st.integers(2, 50),
    ),
    st.integers(0, 2**32 - 1),
)
def test_every_stream_comes_back(shape: ModelShape, seed: int) -> None:
    operations, stream = random_stream(shape, seed)
    assert stream.size == parameter_bytes(shape)
    decoded = decode_operations(stream, shape, WIDTHS)
    assert len(decoded) == len(operations)
    for left, right in zip(operations, decoded):
        assert_same(left, right)


def test_program_is_embed_then_four_operations_a_layer_then_head() -> None:
    items = list(operation_shapes(SHAPE))
    layer = ["MIX", "PROJECT", "GLU", "PROJECT"]
    assert [item.kind.name for item in items] == ["EMBED", *layer, *layer, "HEAD"]
    dim, glu = SHAPE.dim, SHAPE.glu_width
    assert [(i.inputs, i.rows, i.matrices, i.outputs, i.has_norm_gain) for i in items[1:5]] == [
        (dim, dim, 3, 3, True),
        (dim, dim, 1, 1, True),
        (dim, glu, 2, 1, True),
        (glu, dim, 1, 1, False),
    ]
    assert (items[-1].inputs, items[-1].rows, items[-1].matrices) == (dim, SHAPE.vocabulary, 1)
    weights = sum(item.inputs * item.rows * item.matrices for item in items)
    assert weights == SHAPE.ternary_weights


def test_bytes_are_the_documented_ones() -> None:
    """Plain struct formats, as docs/image-format.md gives them."""
    operations, stream = random_stream(SHAPE, seed=5)
    data, position = stream.tobytes(), 0
    for operation in operations:
        fields = struct.unpack_from("<HBBHBBIIIHH", data, position)
        assert fields[:5] == (
            RECORD_MAGIC,
            int(operation.kind),
            len(operation.outputs),
            operation.layer,
            int(operation.norm_gain is not None),
        )
        assert fields[5:8] == (operation.matrices, operation.inputs, operation.rows)
        payload_bytes = fields[8]
        assert fields[9:] == (operation.input_shift, operation.square_shift)
        for slot in range(3):
            given_slot = struct.unpack_from("<IhH", data, position + 24 + 8 * slot)
            output = operation.outputs[slot] if slot < len(operation.outputs) else None
            assert given_slot == (
                (output.scale_mantissa, output.scale_exponent, output.value_shift)
                if output
                else (0, 0, 0)
            )
        last = struct.unpack_from("<QBB", data, position + 48)
        assert last == (operation.square_offset, *operation.shifts)
        assert data[position + 58 : position + 64] == bytes(6)
        position += 64
        gains = [] if operation.norm_gain is None else [operation.norm_gain]
        gains += [output.gain for output in operation.outputs]
        count = len(gains) * operation.inputs
        values = struct.unpack_from(f"<{count}h", data, position)
        # Element-major: all gains of element 0, then all of element 1.
        assert list(values) == [int(gain[k]) for k in range(operation.inputs) for gain in gains]
        used = -(-2 * count // 8) * 8
        assert not any(data[position + 2 * count : position + used])
        if operation.lower_bound is not None:
            bounds = struct.unpack_from(f"<{operation.inputs}H", data, position + used)
            assert list(bounds) == operation.lower_bound.tolist()
            used += -(-2 * operation.inputs // 8) * 8
        assert used == payload_bytes
        position += payload_bytes
    assert position == len(data)


def test_arrays_of_the_result_are_views() -> None:
    _, stream = random_stream(SHAPE)
    decoded = decode_operations(stream, SHAPE, WIDTHS)
    for operation in decoded[1:]:
        for output in operation.outputs:
            assert np.shares_memory(output.gain, stream)


FIXED_FIELDS = (
    "magic",
    "kind",
    "outputs",
    "layer",
    "has_norm_gain",
    "matrices",
    "inputs",
    "rows",
) + ("payload_bytes",)
RANGES = [
    ("input_shift", SHIFT_RANGE[1] + 1),
    ("square_offset", square_offset_range(WIDTHS)[1] + 1),
    ("forget_shift", WIDTHS.forget_shifts[1] + 1),
    ("argument_shift", WIDTHS.argument_shifts[0] - 1),
    ("argument_shift", WIDTHS.argument_shifts[1] + 1),
    ("square_shift", SHIFT_RANGE[1] + 1),
    ("square_shift", 65535),
]
OUTPUT_RANGES = [
    ("value_shift", SHIFT_RANGE[1] + 1),
    ("scale_mantissa", scale_mantissa_range(WIDTHS)[1] + 1),
    ("scale_mantissa", 2**32 - 1),
    ("scale_exponent", SCALE_EXPONENT_RANGE[0] - 1),
    ("scale_exponent", SCALE_EXPONENT_RANGE[1] + 1),
]


def records(stream: np.ndarray, shape: ModelShape = SHAPE) -> list[np.ndarray]:
    """Writable record headers, as structured views of the stream."""
    views, position = [], 0
    for item in operation_shapes(shape):
        views.append(stream[position : position + RECORD_HEADER.itemsize].view(RECORD_HEADER))
        position += RECORD_HEADER.itemsize + item.payload_bytes
    return views


def assert_refused(change: Callable[[np.ndarray], None], *mentioned: str) -> None:
    _, stream = random_stream(SHAPE)
    decode_operations(stream, SHAPE, WIDTHS)
    change(stream)
    with pytest.raises(ImageError) as error:
        decode_operations(stream, SHAPE, WIDTHS)
    for text in mentioned:
        assert text in str(error.value)


@pytest.mark.parametrize("record", range(len(list(operation_shapes(SHAPE)))))
@pytest.mark.parametrize("name", FIXED_FIELDS)
def test_fields_fixed_by_the_shape_are_checked(name: str, record: int) -> None:
    def change(stream: np.ndarray) -> None:
        records(stream)[record][name] += 1

    assert_refused(change, name, "expected", "record at byte")


@pytest.mark.parametrize(("name", "value"), RANGES)
def test_ranges_of_a_record_are_checked(name: str, value: int) -> None:
    assert_refused(lambda stream: records(stream)[1].__setitem__(name, value), name, str(value))


@pytest.mark.parametrize(("name", "value"), OUTPUT_RANGES)
@pytest.mark.parametrize("slot", range(3))
def test_ranges_of_an_output_are_checked(name: str, value: int, slot: int) -> None:
    def change(stream: np.ndarray) -> None:
        records(stream)[1]["output"][name][0, slot] = value

    assert_refused(change, name, str(value))


@pytest.mark.parametrize(
    ("record", "name"),
    [
        *((0, name) for name in ("input_shift", "square_shift", "square_offset")),
        *((record, "forget_shift") for record in (0, 2, 3, 4, 9)),
        *((record, "argument_shift") for record in (0, 2, 4, 9)),
    ],
)
def test_fields_without_a_use_must_be_zero(record: int, name: str) -> None:
    assert_refused(lambda stream: records(stream)[record].__setitem__(name, 1), name, "0 to 0")


@pytest.mark.parametrize("name", ["value_shift", "scale_mantissa", "scale_exponent"])
def test_unused_output_slots_must_be_zero(name: str) -> None:
    def change(stream: np.ndarray) -> None:
        records(stream)[2]["output"][name][0, 1] = 1

    assert_refused(change, name, "0 to 0")


@pytest.mark.parametrize("offset", [58, 63])
def test_reserved_bytes_must_be_zero(offset: int) -> None:
    assert_refused(lambda stream: stream.__setitem__(offset, 1), "reserved")


def test_padding_of_the_payload_must_be_zero() -> None:
    """Gains of the GLU record: 18 * 2 * 2 bytes are whole words; its down record is not."""
    items = list(operation_shapes(SHAPE))
    start = sum(64 + item.payload_bytes for item in items[:4]) + 64
    gains = 2 * items[4].inputs
    assert gains % 8
    assert_refused(lambda stream: stream.__setitem__(start + gains, 1), "padding")


def test_most_negative_gain_is_refused() -> None:
    """-32768 has no positive counterpart: signed signals are symmetric."""
    start = 64 + 64

    def change(stream: np.ndarray) -> None:
        stream[start : start + 2] = (0, 0x80)

    assert_refused(change, "gain", "32767")


def test_ranges_follow_the_widths_of_the_header() -> None:
    _, stream = random_stream(SHAPE)
    with pytest.raises(ImageError, match="gain is outside -127 to 127"):
        decode_operations(stream, SHAPE, Widths(gain=8))
    with pytest.raises(ImageError, match=r"scale_mantissa .* 0 to 4095"):
        decode_operations(stream, SHAPE, Widths(multiplier=12))


@pytest.mark.parametrize("change", [-8, 8])
def test_stream_of_another_length_is_refused(change: int) -> None:
    _, stream = random_stream(SHAPE)
    with pytest.raises(ImageError, match="the shape needs"):
        decode_operations(np.resize(stream, stream.size + change), SHAPE, WIDTHS)


def test_stream_of_another_shape_is_refused() -> None:
    _, stream = random_stream(SHAPE)
    with pytest.raises(ImageError):
        decode_operations(stream, ModelShape(18, 2, 21, 31), WIDTHS)
