# SPDX-License-Identifier: Apache-2.0
"""Write a model image with random weights of a released shape, in seconds and without a checkpoint.

    python -m benchmarks.random_image --shape 1.3b -o 1.3b.tritforge

Time and memory depend on the shapes alone. The file is a valid image: `tritforge generate` runs it,
and its tokenizer has a piece of text for every id.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from tritforge.errors import TritforgeError
from tritforge.language_model.config import RELEASED_SHAPES, ModelShape, accelerator
from tritforge.language_model.convert.random_checkpoint import byte_tokenizer
from tritforge.language_model.embedding import EmbeddingType
from tritforge.language_model.float_parameters import USUAL_EPSILONS
from tritforge.language_model.image import write_image
from tritforge.language_model.image_header import ImageHeader
from tritforge.language_model.program import (
    ArgumentShifts,
    Operation,
    OperationKind,
    OperationShape,
    ScaledOutput,
    encode_operation,
    operation_shapes,
)
from tritforge.ternary_code import TRITS_PER_BYTE, decode_table, encode_table

#: Residuals are mantissas of the embedding, four bits to the left.
RESIDUAL_FRACTION, ROW_EXPONENT = 16, 12
ROWS_PER_BEAT = accelerator(dim=1024).rows_per_beat


def benchmark_operation(item: OperationShape) -> Operation:
    """Parameters that keep every signal in its usual range, so that nothing is skipped as zero."""
    shifts = {OperationKind.PROJECT: 12}
    is_mix = item.kind is OperationKind.MIX
    has_gate = is_mix or item.kind is OperationKind.GLU
    ones = np.full(item.inputs, 16384, np.int16)
    return item.operation(
        input_shift=shifts.get(item.kind, 0),
        square_shift=0 if item.kind is OperationKind.EMBED else 16 if item.has_norm_gain else 4,
        norm_gain=ones if item.has_norm_gain else None,
        outputs=tuple(
            ScaledOutput(gain=ones, value_shift=9, scale_mantissa=90000, scale_exponent=12)
            for _ in range(item.outputs)
        ),
        lower_bound=np.full(item.inputs, 15000, np.uint16) if item.has_lower_bound else None,
        shifts=ArgumentShifts(5 if is_mix else 0, 5 if has_gate else 0),
    )


def write_random_image(path: Path, shape: ModelShape, seed: int = 0) -> None:
    """Write the image.

    Raises:
        TritforgeError: the file cannot be written, or the vocabulary is too small for a tokenizer.
    """
    random = np.random.default_rng(seed)
    header = ImageHeader(
        name="random",
        shape=shape,
        rows_per_beat=ROWS_PER_BEAT,
        residual_fraction=RESIDUAL_FRACTION,
        embedding_type=EmbeddingType.INT16,
        epsilons=USUAL_EPSILONS,
        begin_token=1,
        end_token=2,
        source={"weights": f"random, seed {seed}"},
    )
    tokenizer = byte_tokenizer(shape.vocabulary).to_str().encode()
    codes = np.flatnonzero(decode_table()[1]).astype(np.uint8)
    matrices = [item for item in operation_shapes(shape) if item.matrices]
    with write_image(path, header, tokenizer) as writer:
        for item, packed in zip(
            tqdm(matrices, unit="operation", desc=str(path), disable=None), writer.weights
        ):
            _fill(packed, item, codes, random)
        position = 0
        for item in operation_shapes(shape):
            record = np.frombuffer(encode_operation(benchmark_operation(item)), np.uint8)
            writer.parameters[position : position + record.size] = record
            position += record.size
        writer.embedding.exponents[:] = ROW_EXPONENT
        for row in writer.embedding.elements:
            row[:] = random.integers(-20000, 20000, row.size, np.int16)


def _fill(
    packed: NDArray[np.uint8],
    item: OperationShape,
    codes: NDArray[np.uint8],
    random: np.random.Generator,
) -> None:
    """Random codes; weights outside the matrices are zero."""
    for tile in packed:
        tile[:] = codes[random.integers(0, codes.size, tile.shape, np.uint8)]
    used = item.inputs - (packed.shape[2] - 1) * TRITS_PER_BYTE
    digits = random.integers(0, 3, (*packed[:, :, -1].shape, used), np.uint8)
    word = np.zeros(digits.shape[:-1], np.int64)
    for position in range(TRITS_PER_BYTE):
        word = word * 3 + (digits[..., position] if position < used else 0)
    packed[:, :, -1] = encode_table()[word]
    packed[-1, ..., item.rows - (packed.shape[0] - 1) * packed.shape[3] :] = 0


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=tuple(RELEASED_SHAPES), default="370m")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights (default 0)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file to write")
    options = parser.parse_args()
    try:
        write_random_image(options.output, RELEASED_SHAPES[options.shape], options.seed)
    except TritforgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
