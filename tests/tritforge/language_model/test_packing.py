# SPDX-License-Identifier: Apache-2.0
"""Ternary packing: the layout of the stream, against a plain restatement."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tritforge.language_model.golden.escape_code import INVALID, word_of_byte
from tritforge import ternary_code
from tritforge.errors import ImageError
from tritforge.language_model import packing
from tritforge.language_model.config import BYTES_PER_PORT, PORT_CHOICES, ModelShape
from tritforge.language_model.embedding import EmbeddingType
from tritforge.language_model.float_parameters import USUAL_EPSILONS
from tritforge.language_model.image import split_weights
from tritforge.language_model.image_header import ImageHeader
from tritforge.language_model.program import operation_shapes

ROWS_PER_BEAT = [BYTES_PER_PORT * ports for ports in PORT_CHOICES]


@st.composite
def matrices(draw: st.DrawFn) -> np.ndarray:
    shape = draw(st.tuples(st.integers(1, 70), st.integers(1, 40)))
    seed = draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).integers(-1, 2, shape).astype(np.int8)


@given(matrices(), st.sampled_from(ROWS_PER_BEAT))
def test_every_matrix_comes_back(trits: np.ndarray, rows_per_beat: int) -> None:
    packed = packing.pack_matrix(trits, rows_per_beat)
    rows, inputs = trits.shape
    assert (
        packed.shape
        == packing.stream_shape(rows, inputs, 1, rows_per_beat)[:1]
        + (packing.stream_shape(rows, inputs, 1, rows_per_beat)[2:])
    )
    assert packed.size == packing.stream_bytes(rows, inputs, 1, rows_per_beat)
    assert np.array_equal(packing.unpack_matrix(packed, rows, inputs), trits)


@given(matrices(), st.sampled_from(ROWS_PER_BEAT))
def test_stream_order_is_the_documented_one(trits: np.ndarray, rows_per_beat: int) -> None:
    """Byte after byte: for each tile of rows, for each five columns, one byte of each row."""
    rows, inputs = trits.shape
    expected = []
    for first_row in range(0, rows, rows_per_beat):
        for first_column in range(0, inputs, 5):
            for row in range(first_row, first_row + rows_per_beat):
                word = [
                    int(trits[row, column]) if row < rows and column < inputs else 0
                    for column in range(first_column, first_column + 5)
                ]
                expected.append(tuple(word))
    stream = packing.pack_matrix(trits, rows_per_beat).reshape(-1).tolist()
    assert [word_of_byte(byte) for byte in stream] == expected


@pytest.mark.parametrize("rows_per_beat", ROWS_PER_BEAT)
def test_row_tiles_of_the_matrices_of_one_operation_take_turns(rows_per_beat: int) -> None:
    shape = ModelShape(dim=37, layers=1, glu_width=45, vocabulary=41)
    header = ImageHeader("x", shape, rows_per_beat, 20, EmbeddingType.INT16, USUAL_EPSILONS, 1, 2)
    stream = np.zeros(header.section_bytes()["weights"], np.uint8)
    generator = np.random.default_rng(20)
    items = [item for item in operation_shapes(shape) if item.matrices]
    trits = [
        generator.integers(-1, 2, (item.matrices, item.rows, item.inputs)).astype(np.int8)
        for item in items
    ]
    for view, given_matrices in zip(split_weights(stream, header), trits):
        for index, matrix in enumerate(given_matrices):
            view[:, index] = packing.pack_matrix(matrix, rows_per_beat)
    position = 0
    for item, given_matrices in zip(items, trits):
        for first_row in range(0, item.rows, rows_per_beat):
            for matrix in given_matrices:
                for first_column in range(0, item.inputs, 5):
                    for row in range(first_row, first_row + rows_per_beat):
                        word = word_of_byte(int(stream[position]))
                        used = [] if row >= item.rows else matrix[row, first_column:][:5].tolist()
                        assert word == (*used, *[0] * (5 - len(used)))
                        position += 1
    assert position == stream.size


@pytest.mark.parametrize("byte", INVALID)
def test_invalid_byte_is_named_with_its_position(
    byte: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ternary_code, "_CHECKED_AT_ONCE", 8)
    packed = np.zeros(100, np.uint8)
    packed[37] = byte
    with pytest.raises(ImageError, match=f"byte 37 is 0x{byte:02x}"):
        ternary_code.check_codes(packed)
    with pytest.raises(ImageError, match=f"0x{byte:02x}"):
        packing.unpack_matrix(packed.reshape(1, 10, 10), 10, 50)


@pytest.mark.parametrize(
    ("row", "column"),
    [pytest.param(9, 0, id="row_above_the_last"), pytest.param(0, 7, id="column_after_the_last")],
)
def test_padding_must_be_zero(row: int, column: int) -> None:
    """Nine rows of seven columns in tiles of eight rows: rows 9..15, columns 7..9 are padding."""
    trits = np.zeros((16, 10), np.int8)
    packing.check_padding(packing.pack_matrix(trits, 8)[:, None], 9, 7)
    trits[8, 6] = 1
    packing.check_padding(packing.pack_matrix(trits, 8)[:, None], 9, 7)
    trits[row, column] = -1
    with pytest.raises(ImageError, match="padding"):
        packing.check_padding(packing.pack_matrix(trits, 8)[:, None], 9, 7)
