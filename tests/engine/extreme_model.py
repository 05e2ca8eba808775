# SPDX-License-Identifier: Apache-2.0
"""Random images in memory, made without a converter: any field may sit at the end of its range."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tritforge import ternary_code
from tritforge.errors import ConfigurationError
from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import ModelShape, Widths
from tritforge.language_model.embedding import Embedding, EmbeddingType
from tritforge.language_model.float_parameters import USUAL_EPSILONS
from tritforge.language_model.image import Image
from tritforge.language_model.image_header import ImageHeader
from tritforge.language_model.program import (
    SCALE_EXPONENT_RANGE,
    SHIFT_RANGE,
    ArgumentShifts,
    Operation,
    OperationKind,
    OperationShape,
    ScaledOutput,
    encode_operation,
    operation_shapes,
    scale_mantissa_range,
    shift_ranges,
    square_offset_range,
)

#: With the other usual shifts: operands near 2**17, pre-activations of a few units.
RESIDUAL_FRACTION, LARGEST_RESIDUAL = 16, 1 << 19
USUAL_ARGUMENT_SHIFT = 5
USUAL_PRODUCT_SHIFT = 12
USUAL_SCALE_EXPONENT = 12
#: The word of five weights +1 (digit 1) as a base-3 number.
ALL_PLUS_ONE = 121


class RandomProgram:
    """Draws header fields and gains: usual values, or with some probability extreme ones."""

    def __init__(self, seed: int, extremity: float, widths: Widths, scale_exponent: int) -> None:
        self._scale_exponent = scale_exponent
        self._random = np.random.default_rng(seed)
        self._extremity = extremity
        self._gain_limit = symmetric_limit(widths.gain)
        self._mantissas = scale_mantissa_range(widths)
        self._widths = widths

    def field(self, usual: int, allowed: tuple[int, int]) -> int:
        """A header field."""
        if self._random.random() >= self._extremity:
            return usual
        low, high = allowed
        ends = [low, high, min(low + 1, high), max(high - 1, low)]
        if self._random.random() < 0.5:
            return int(self._random.choice(ends))
        return int(self._random.integers(allowed[0], allowed[1] + 1))

    def gains(self, count: int) -> NDArray[np.int16]:
        """Gains in the upper three quarters, some of them extreme."""
        limit = self._gain_limit
        usual = self._random.integers(limit // 4, limit, count, endpoint=True)
        extreme = self._random.choice([-limit, 1 - limit, -1, 0, 1, limit], count)
        where = self._random.random(count) < self._extremity
        return np.where(where, extreme, usual).astype(np.int16)

    def bounds(self, count: int) -> NDArray[np.uint16]:
        """Lower bounds over the whole range, both ends included."""
        values = self._random.integers(0, 1 << 16, count)
        values[:2] = 0, 65535
        return values.astype(np.uint16)

    def shifts(self, kind: OperationKind) -> ArgumentShifts:
        """Formats of the pre-activations."""
        ranges = shift_ranges(kind, self._widths).values()
        usual = (min(max(USUAL_ARGUMENT_SHIFT, low), high) for low, high in ranges)
        return ArgumentShifts(*(self.field(*pair) for pair in zip(usual, ranges)))

    def operation(self, item: OperationShape) -> Operation:
        """One operation with the fixed fields of `item`."""
        embed, project = (
            item.kind is kind for kind in (OperationKind.EMBED, OperationKind.PROJECT)
        )
        usual_shift = USUAL_PRODUCT_SHIFT if project else 0
        input_shift = 0 if embed else self.field(usual_shift, SHIFT_RANGE)
        outputs = tuple(
            ScaledOutput(
                gain=self.gains(item.inputs),
                value_shift=self.field(9, SHIFT_RANGE),
                scale_mantissa=self.field(self._mantissas[1] * 3 // 4, self._mantissas),
                scale_exponent=self.field(self._scale_exponent, SCALE_EXPONENT_RANGE),
            )
            for _ in range(item.outputs)
        )
        return item.operation(
            input_shift=input_shift,
            square_shift=0 if embed else self.field(16, SHIFT_RANGE),
            norm_gain=self.gains(item.inputs) if item.has_norm_gain else None,
            outputs=outputs,
            lower_bound=self.bounds(item.inputs) if item.has_lower_bound else None,
            square_offset=0 if embed else self.field(0, square_offset_range(self._widths)),
            shifts=self.shifts(item.kind),
        )


def random_codes(random: np.random.Generator, size: int | Sequence[int]) -> NDArray[np.uint8]:
    """Random valid bytes of the weight stream (padding rows and columns are not zero)."""
    _, valid = ternary_code.decode_table()
    return random.choice(np.flatnonzero(valid).astype(np.uint8), size)


def random_widths(seed: int, inputs: int) -> Widths:
    """Any widths that obey the rules, for rows of `inputs` weights."""
    random = np.random.default_rng(seed)
    while True:
        try:
            widths = Widths(
                **{
                    item.name: int(random.integers(*item.metadata["range"], endpoint=True))
                    for item in dataclasses.fields(Widths)
                }
            )
        except ConfigurationError:
            continue
        if widths.largest_exact_inputs() >= inputs:
            return widths


def random_embedding(
    random: np.random.Generator, kind: EmbeddingType, shape: ModelShape, limit: int
) -> Embedding:
    """Rows of every element type, the all-zero vector and the largest values among them."""
    size = (shape.vocabulary, shape.dim)
    largest = min(LARGEST_RESIDUAL, limit)
    if kind.is_float:
        values = random.uniform(-largest, largest, size) * 2.0**-RESIDUAL_FRACTION
        values[0] = 0  # which no norm can scale
        single = values.astype(np.float32)
        if kind is EmbeddingType.BFLOAT16:
            elements = (single.view(np.uint32) >> 16).astype(kind.storage)
        else:
            elements = single.astype(kind.storage)
        return Embedding(kind, elements, np.zeros(shape.vocabulary, np.int8))
    limits = np.iinfo(kind.storage)
    elements = random.integers(limits.min + 1, limits.max, size, endpoint=True)
    elements[0] = 0
    elements[1] = limits.max
    shift = largest.bit_length() - kind.bits
    exponents = RESIDUAL_FRACTION - shift + random.integers(0, 6, shape.vocabulary)
    return Embedding(kind, elements.astype(kind.storage), exponents.astype(np.int8))


def extreme_image(
    shape: ModelShape,
    rows_per_beat: int = 16,
    seed: int = 0,
    extremity: float = 0.0,
    widths: Widths | None = None,
    embedding_type: EmbeddingType = EmbeddingType.INT16,
    aligned: bool = False,
    scale_exponent: int = USUAL_SCALE_EXPONENT,
) -> Image:
    """A random image.

    Args:
        extremity: probability that a field or gain is extreme instead of usual.
        aligned: all weights are +1, so that sums grow as large as they can.
        scale_exponent: the usual one; lower ones make every BitLinear louder.
    """
    random = np.random.default_rng(seed)
    widths = widths or Widths()
    program = RandomProgram(seed, extremity, widths, scale_exponent)
    header = ImageHeader(
        name="random",
        shape=shape,
        rows_per_beat=rows_per_beat,
        residual_fraction=RESIDUAL_FRACTION,
        embedding_type=embedding_type,
        epsilons=USUAL_EPSILONS,
        begin_token=0,
        end_token=0,
        widths=widths,
    )
    stream = b"".join(encode_operation(program.operation(item)) for item in operation_shapes(shape))
    embedding = random_embedding(random, embedding_type, shape, symmetric_limit(widths.residual))
    weights = random_codes(random, header.section_bytes()["weights"])
    if aligned:
        weights[:] = ternary_code.encode_table()[ALL_PLUS_ONE]
    return Image(
        path=Path("random"),
        header=header,
        weight_stream=weights,
        parameter_stream=np.frombuffer(stream, np.uint8),
        embedding=embedding,
        tokenizer=b"",
        float_values=None,
        file_bytes=0,
        sections={},
    )
