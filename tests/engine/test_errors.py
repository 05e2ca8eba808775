# SPDX-License-Identifier: Apache-2.0
"""What the engine refuses, and that the message names the value and the range."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np
import pytest

from tests.engine.extension import KERNELS, _engine, engine_arguments, make_engine
from tests.engine.extreme_model import extreme_image
from tritforge.language_model import program as parameters
from tritforge.language_model.config import ModelShape, Widths
from tritforge.language_model.image import Image
from tritforge.language_model.program import RECORD_HEADER, operation_shapes
from tritforge.ternary_code import decode_table

SHAPE = ModelShape(dim=40, layers=1, glu_width=50, vocabulary=33)
WIDTHS = dataclasses.asdict(Widths())


@pytest.fixture(scope="module")
def image() -> Image:
    return extreme_image(SHAPE)


def build(image: Image, **changed: Any) -> Any:
    return _engine.Engine(**{**engine_arguments(image), **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"shape": (8, 1, 50, 33)}, r"shape: dim is 8, allowed are 16 to 8192"),
        ({"shape": (40, 1, 50)}, r"shape must be a dict or \(dim, layers"),
        ({"shape": {"dim": 40}}, r"shape: layers is missing"),
        ({"shape": {**dataclasses.asdict(SHAPE), "heads": 1}}, r"shape: unknown heads"),
        ({"shape": (40, 1, 50, 10**30)}, r"vocabulary is 1000+, out of range"),
        ({"shape": (40, 1.5, 50, 33)}, r"layers must be an integer, not 1.5"),
        ({"shape": (40, 2, 50, 33)}, r"parameter stream has \d+ bytes, the shape needs \d+"),
        ({"shape": (40, 1, 50, 34)}, r"embedding has shape \(33, 40\), the model needs \(34, 40\)"),
        ({"embedding_type": "int4"}, r"embedding_type int4 is unknown: int8, int16, float16, bf"),
        ({"embedding_type": "float16"}, r"embedding must be .* of type 'e'"),
        ({"embedding_exponents": np.zeros(32, np.int8)}, r"exponents has 32 numbers, the shape ne"),
        ({"embedding_exponents": np.full(33, 128)}, r"exponent is 128, allowed are -128 to 127"),
        ({"residual_fraction": 64}, r"residual_fraction is 64, allowed are 0 to 63"),
        ({"rows_per_beat": 12}, r"rows_per_beat is 12, choose 8, 16 or 32"),
        ({"rows_per_beat": 32}, r"weight stream has \d+ bytes, the shape needs \d+"),
        ({"widths": {**WIDTHS, "value": 26}}, r"widths: value is 26, allowed are 22 to 25"),
        ({"widths": {**WIDTHS, "sigmoid_argument_fraction": 14, "activation": 19}},
         r"preactivation and activation must have at least 20 bits"),
        ({"widths": {**WIDTHS, "accumulator": 12}}, r"rows of 50 weights overflow the 12-bit"),
        ({"widths": {}}, r"widths: residual is missing"),
        ({"kernel": "cray"}, r"kernel 'cray' is not available on this CPU: choose one of auto, po"),
        ({"sigmoid_table": [0, 1]}, r"sigmoid table has 2 knots, expected 129"),
        ({"sigmoid_table": np.linspace(0.5, 1, 129)}, r"1-D sequence of integers"),
        ({"sigmoid_table": np.r_[np.zeros(128, int), 65535]}, r"must rise from 0 or more to 65536"),
        ({"sigmoid_table": np.r_[1, 9, 8, np.arange(9, 134), 65536]}, r"falls after knot 1"),
        ({"weights": np.zeros((2, 2), np.uint8)}, r"weights must be a C-contiguous 1-D buffer"),
        ({"weights": np.zeros(90, np.uint8)[::2]}, r"weights must be a C-contiguous 1-D buffer"),
        ({"parameters": np.zeros(9, np.uint16)}, r"parameters must be .* of type 'B'"),
        ({"parameters": np.zeros(9, np.uint8)}, r"parameter stream has 9 bytes"),
        ({"embedding": np.zeros((33, 40), np.int32)}, r"embedding must be .* of type 'h'"),
        ({"embedding": np.zeros((33, 40), ">i2")}, r"embedding must be .* of type 'h'"),
        ({"embedding": np.zeros((40, 33), np.int16).T}, r"embedding must be a C-contiguous 2-D"),
    ],
)  # fmt: skip
def test_inconsistent_arguments(image: Image, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(image, **changed)


def record_positions() -> list[int]:
    sizes = [RECORD_HEADER.itemsize + item.payload_bytes for item in operation_shapes(SHAPE)]
    return [sum(sizes[:index]) for index in range(len(sizes))]


@pytest.mark.parametrize("record", [0, 1, 2, 5])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("magic", 1),
        ("kind", 6),
        ("outputs", 255),
        ("layer", 65535),
        ("has_norm_gain", 2),
        ("matrices", 255),
        ("inputs", 0xFFFFFFFF),
        ("rows", 0xFFFFFFFF),
        ("payload_bytes", 0xFFFFFFFF),
        ("input_shift", 48),
        ("square_offset", 1 << 48),
        ("forget_shift", 16),
        ("argument_shift", 16),
        ("square_shift", 48),
    ],
)
def test_damaged_record(image: Image, record: int, field: str, value: int) -> None:
    stream = image.parameter_stream.copy()
    position = record_positions()[record]
    stream[position : position + RECORD_HEADER.itemsize].view(RECORD_HEADER)[field] = value
    with pytest.raises(ValueError, match=rf"record at byte {position}: {field} is {value}, "):
        build(image, parameters=stream)


@pytest.mark.parametrize(
    ("slot", "field", "value"),
    [
        (0, "value_shift", 48),
        (0, "scale_mantissa", 1 << 17),  # default width of the multiplier
        (0, "scale_exponent", -129),
        (0, "scale_exponent", 128),
        (1, "scale_mantissa", 1),  # not used by this operation
    ],
)
def test_damaged_output(image: Image, slot: int, field: str, value: int) -> None:
    stream = image.parameter_stream.copy()
    position = record_positions()[2]
    header = stream[position : position + RECORD_HEADER.itemsize].view(RECORD_HEADER)
    header["output"][0, slot][field] = value
    with pytest.raises(ValueError, match=rf"{field} is {value}, allowed are"):
        build(image, parameters=stream)


def test_reserved_bytes_must_be_zero(image: Image) -> None:
    stream = image.parameter_stream.copy()
    stream[RECORD_HEADER.itemsize - 1] = 1
    with pytest.raises(ValueError, match="reserved bytes are not zero"):
        build(image, parameters=stream)


def test_padding_must_be_zero() -> None:
    # 3 * 41 gains per PROJECT record and 41 lower bounds do not fill whole words.
    image = extreme_image(dataclasses.replace(SHAPE, dim=41))
    shapes = list(operation_shapes(image.header.shape))
    start = 0
    for item in shapes[:3]:
        end = start + RECORD_HEADER.itemsize + item.payload_bytes
        if item.outputs:
            stream = image.parameter_stream.copy()
            stream[end - 1] = 1
            with pytest.raises(ValueError, match=f"byte {start}: padding of the payload"):
                build(image, parameters=stream)
        start = end


@pytest.mark.parametrize(("bits", "gain"), [(16, -32768), (12, 2048), (8, -128)])
def test_gain_out_of_range(bits: int, gain: int) -> None:
    image = extreme_image(SHAPE, widths=Widths(gain=bits))
    stream = image.parameter_stream.copy()
    first = record_positions()[1] + RECORD_HEADER.itemsize
    stream[first : first + 2].view("<i2")[:] = gain
    with pytest.raises(ValueError, match=f"a gain is {gain}, allowed are"):
        build(image, parameters=stream)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("byte", np.flatnonzero(~decode_table()[1]).tolist())
def test_invalid_weight_byte(image: Image, byte: int, kernel: str) -> None:
    stream = image.weight_stream.copy()
    stream[-1] = byte
    with pytest.raises(ValueError, match=rf"byte {stream.size - 1} is {byte}, not a code"):
        build(image, weights=stream, kernel=kernel)


def test_engine_survives_random_parameters(image: Image) -> None:
    """Whatever passes the checks runs; nothing else than ValueError comes out."""
    random = np.random.default_rng(0)
    ran = 0
    for _ in range(300):
        stream = image.parameter_stream.copy()
        where = random.integers(0, stream.size, 3)
        stream[where] = random.integers(0, 256, 3)
        try:
            engine = build(image, parameters=stream)
        except ValueError:
            continue
        engine.context().prefill([1, 2])
        ran += 1
    assert 100 < ran < 300


@pytest.mark.parametrize(
    ("call", "argument", "message"),
    [
        ("step", 33, "token is 33, allowed are 0 to 32"),
        ("step", -1, "token is -1, allowed are 0 to 32"),
        ("step", 1.0, "token must be an integer, not 1.0"),
        ("step", True, "token must be an integer, not True"),
        ("prefill", [], "tokens is empty"),
        ("prefill", [1, 33], "token is 33"),
        ("prefill", [1.5], "tokens must be a 1-D sequence of integers"),
        ("prefill", [[1]], "tokens must be a 1-D sequence of integers"),
        ("prefill", "ab", "tokens must be a 1-D sequence of integers"),
        ("restore", np.zeros((1, 39), np.int32), r"integer array of shape \(1, 40\)"),
        ("restore", np.zeros((1, 40)), r"integer array of shape \(1, 40\)"),
        ("restore", np.full((1, 40), 1 << 23), "state value is 8388608, allowed are -8388607"),
        ("restore", np.full((1, 40), 1 << 63, np.uint64), "state value is -9223372036854775808"),
    ],
)
def test_context_arguments(image: Image, call: str, argument: Any, message: str) -> None:
    context = make_engine(image).context()
    context.step(5)
    state = context.state()
    with pytest.raises(ValueError, match=message):
        getattr(context, call)(argument)
    np.testing.assert_array_equal(context.state(), state)


@pytest.mark.parametrize("threads", [0, 65, -1, 10**20, 2.0])
def test_threads_out_of_range(image: Image, threads: Any) -> None:
    with pytest.raises(ValueError, match="threads"):
        make_engine(image, threads=threads)


def test_logits_need_a_token(image: Image) -> None:
    context = make_engine(image).context()
    for call in (context.logits, context.accumulators):
        with pytest.raises(RuntimeError, match="run step or prefill first"):
            call()


def test_constants_agree_with_python() -> None:
    """The ranges and the code table that the engine repeats."""
    constants = _engine._constants()
    assert constants["widths"] == {
        item.name: item.metadata["range"] for item in dataclasses.fields(Widths)
    }
    from tritforge.language_model import config

    assert constants["shape"] == {
        "dim": config.DIM_RANGE,
        "layers": config.LAYER_RANGE,
        "glu_width": config.GLU_RANGE,
        "vocabulary": config.VOCABULARY_RANGE,
    }
    for name, allowed in constants["ranges"].items():
        assert allowed == getattr(parameters, name)
    trits, valid = decode_table()
    expected = [word.tolist() if good else None for word, good in zip(trits, valid)]
    assert constants["words"] == expected


def test_build_info() -> None:
    assert _engine.build_info["compiler"]
    # Also guards the sanitized run against testing another build by mistake.
    assert _engine.build_info["sanitized"] == ("asan" in os.environ.get("LD_PRELOAD", ""))
    assert KERNELS[0] == "portable"
