# SPDX-License-Identifier: Apache-2.0
"""The conversion itself: one pass over the checkpoint, one tensor in memory at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tritforge import __version__
from tritforge.checkpoint.files import check_output, make_parent
from tritforge.checks import settle_numbers
from tritforge.errors import CheckpointError, ConfigurationError
from tritforge.fixed_point import symmetric_limit
from tritforge.language_model import packing
from tritforge.language_model.config import BYTES_PER_PORT, PORT_CHOICES, Widths
from tritforge.language_model.convert.calibration import (
    CalibrationPass,
    TernaryLinear,
    calibration_tokens,
    default_calibration_text,
    largest,
)
from tritforge.language_model.convert.checkpoint import Checkpoint
from tritforge.language_model.convert.fixed_point_formats import (
    OperandFormat,
    integer_bits,
    quantised_operation,
    vector_mantissas,
)
from tritforge.language_model.convert.float_operations import (
    cumulative_lower_bounds,
    gather_float_operation,
)
from tritforge.language_model.convert.generation_config import default_sampling, not_honoured
from tritforge.language_model.convert.tensor_shapes import EMBEDDING, LOWER_BOUNDS, module_names
from tritforge.language_model.float_parameters import (
    FloatArray,
    FloatOperation,
    encode_float_section,
)
from tritforge.language_model.image import ImageWriter, write_image
from tritforge.language_model.image_header import ImageHeader
from tritforge.language_model.program import (
    EMBEDDING_SHIFT_RANGE,
    Operation,
    OperationKind,
    OperationShape,
    encode_operation,
    operation_shapes,
)

#: Calibrated formats keep 2**3 headroom above the largest value seen.
HEADROOM_BITS = 3
#: Smallest weight scale, as upstream clamps it.
MINIMUM_WEIGHT_SCALE = 1e-5
_ROWS_AT_A_TIME = 2048

#: Called with (tensor name, weights done, weights in total).
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ConversionOptions:
    """What the user may choose.

    Attributes:
        name: name in the header; default: the directory's name.
        ports: 64-bit weight ports the stream is laid out for.
        embedding_bits: 8 or 16.
        keep_float: add the float section, so that `--backend float` runs on the image.
        calibration_text: sample text; default: the one that ships with the converter.
    """

    name: str | None = None
    ports: int = 2
    embedding_bits: int = 16
    keep_float: bool = False
    calibration_text: str | None = None

    def __post_init__(self) -> None:
        settle_numbers(self)
        if self.ports not in PORT_CHOICES:
            raise ConfigurationError(f"ports = {self.ports}: choose one of {PORT_CHOICES}")


@dataclass(frozen=True)
class ConversionReport:
    """What was written: sizes in bytes, and the share of zero weights.

    Attributes:
        not_honoured: settings of `generation_config.json`, with their values, that have no effect.
    """

    path: Path
    file_bytes: int
    weight_bytes: int
    parameter_bytes: int
    embedding_bytes: int
    ternary_weights: int
    zero_share: float
    not_honoured: tuple[str, ...] = ()

    @property
    def bits_per_weight(self) -> float:
        """Bits of the weight stream per ternary weight."""
        return 8 * self.weight_bytes / self.ternary_weights


def convert(
    folder: Path,
    output: Path,
    options: ConversionOptions = ConversionOptions(),
    progress: Progress = lambda what, done, total: None,
) -> ConversionReport:
    """Convert a Hugging Face HGRNBit directory into a model image.

    Raises:
        CheckpointError: the directory is not a supported HGRNBit checkpoint, or the output is one
            of its files.
        ImageError: the image cannot be written.
    """
    checkpoint = Checkpoint(folder)
    check_output(output, checkpoint.files)
    widths = Widths()
    text = options.calibration_text or default_calibration_text()
    tokens = calibration_tokens(
        checkpoint.tokenizer, checkpoint.begin_token, checkpoint.shape.vocabulary, text
    )
    longest = max(checkpoint.shape.dim, checkpoint.shape.glu_width)
    if longest > widths.largest_exact_inputs():
        raise CheckpointError(
            f"rows of {longest} weights overflow the {widths.accumulator}-bit accumulator; at most "
            f"{widths.largest_exact_inputs()} are exact"
        )
    ignored = not_honoured(checkpoint.generation, checkpoint.begin_token)
    header = ImageHeader(
        name=options.name or folder.resolve().name,
        shape=checkpoint.shape,
        rows_per_beat=BYTES_PER_PORT * options.ports,
        residual_fraction=widths.residual - 1,
        embedding_bits=options.embedding_bits,
        begin_token=checkpoint.begin_token,
        end_token=checkpoint.end_tokens[0],
        other_end_tokens=checkpoint.end_tokens[1:],
        widths=widths,
        sampling=default_sampling(checkpoint.generation),
        source={
            "converter": f"tritforge {__version__}",
            "checkpoint_sha256": checkpoint.digest(),
            **({"not_honoured": ", ".join(ignored)} if ignored else {}),
        },
    )
    make_parent(output)
    with write_image(output, header, checkpoint.tokenizer, options.keep_float) as writer:
        conversion = _Conversion(checkpoint, writer, widths, progress)
        conversion.run(tokens)
    sizes = header.section_bytes()
    return ConversionReport(
        path=output,
        file_bytes=writer.file_bytes,
        weight_bytes=sizes["weights"],
        parameter_bytes=sizes["parameters"],
        embedding_bytes=sizes["embedding"],
        ternary_weights=checkpoint.shape.ternary_weights,
        zero_share=conversion.zeros / checkpoint.shape.ternary_weights,
        not_honoured=tuple(ignored),
    )


def ternarise(weights: NDArray[np.floating]) -> tuple[NDArray[np.int8], float]:
    """Ternary weights clamp(round(W / mean|W|), -1, 1) as int8, and the scale mean|W|.

    Source: `weight_quant` of upstream's `mmfreelm/ops/bitnet.py`. Works on blocks of rows, so the
    only full-size result is one byte per weight.
    """
    starts = range(0, len(weights), _ROWS_AT_A_TIME)
    total = sum(
        float(np.abs(weights[start : start + _ROWS_AT_A_TIME]).sum(dtype=np.float64))
        for start in starts
    )
    scale = max(total / weights.size, MINIMUM_WEIGHT_SCALE)
    trits = np.empty(weights.shape, np.int8)
    for start in starts:
        block = weights[start : start + _ROWS_AT_A_TIME].astype(np.float64)
        trits[start : start + _ROWS_AT_A_TIME] = np.clip(np.round(block / scale), -1, 1)
    return trits, scale


class _Conversion:
    """State of one conversion: ranges and float parameters gathered operation by operation."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        writer: ImageWriter,
        widths: Widths,
        progress: Progress,
    ) -> None:
        self._checkpoint = checkpoint
        self._writer = writer
        self._widths = widths
        self._items = list(operation_shapes(checkpoint.shape))
        self._lower_bounds = cumulative_lower_bounds(self._vector(LOWER_BOUNDS))
        self._floats: list[FloatOperation] = []
        #: absolute maximum of each operation's input: the residual, or the raw gated product
        self._input_ranges: list[float] = []
        self._residual_range = 0.0
        self._progress, self._weights_done = progress, 0
        self.zeros = 0

    def run(self, tokens: NDArray[np.int64]) -> None:
        """Pack every operation in program order, calibrating on the way; then the parameters."""
        calibration, embedding_exponent = self._embed(tokens)
        product = np.zeros(0)
        for item, packed in zip(self._items[1:], self._writer.weights):
            is_project = item.kind is OperationKind.PROJECT
            self._input_ranges.append(largest(product if is_project else calibration.residual))
            linears, scales = self._pack(item, packed)
            floats = gather_float_operation(item, self._vector, scales, self._lower_bounds)
            self._floats.append(floats)
            if item.kind is OperationKind.MIX:
                product = calibration.token_mixer(floats, linears)
            elif item.kind is OperationKind.GLU:
                product = calibration.gated_linear_unit(floats, linears[0])
            elif is_project:
                calibration.project(floats, product, linears[0])
                self._residual_range = max(self._residual_range, largest(calibration.residual))
        self._write_parameters(embedding_exponent)
        if self._writer.float_values is not None:
            self._writer.float_values[:] = encode_float_section(self._floats)

    def _vector(self, name: str) -> FloatArray:
        """A gain, as upstream holds it (float32), which also bounds every exponent."""
        return self._checkpoint.load(name).astype(np.float32).astype(np.float64)

    def _embed(self, tokens: NDArray[np.int64]) -> tuple[CalibrationPass, int]:
        """Write the embedding mantissas; returns the calibration pass and their exponent."""
        table = self._checkpoint.load(EMBEDDING)
        bits = self._writer.embedding.itemsize * 8
        starts = range(0, len(table), _ROWS_AT_A_TIME)
        extreme = max(
            float(np.abs(table[start : start + _ROWS_AT_A_TIME]).max()) for start in starts
        )
        _, exponent = vector_mantissas(np.array([extreme]), bits)
        limit = symmetric_limit(bits)
        for start in starts:
            block = table[start : start + _ROWS_AT_A_TIME].astype(np.float64)
            mantissas = np.floor(block * 2.0**exponent + 0.5)
            self._writer.embedding[start : start + len(block)] = np.clip(mantissas, -limit, limit)
        self._residual_range = extreme
        self._advance(EMBEDDING, table.size)
        return CalibrationPass(table[tokens].astype(np.float64)), exponent

    def _pack(
        self, item: OperationShape, packed: NDArray[np.uint8]
    ) -> tuple[list[TernaryLinear], list[float]]:
        """Ternarise and pack the operation's tensors one after the other."""
        linears, scales, matrix = [], [], 0
        for module in module_names(item):
            name = f"{module}.weight"
            trits, scale = ternarise(self._checkpoint.load(name))
            for start in range(0, len(trits), item.rows):
                rows = trits[start : start + item.rows]
                packed[:, matrix] = packing.pack_matrix(rows, packed.shape[-1])
                matrix += 1
            self.zeros += int(np.count_nonzero(trits == 0))
            linears.append(TernaryLinear(trits))
            scales.append(scale)
            self._advance(name, trits.size)
        return linears, scales

    def _write_parameters(self, embedding_exponent: int) -> None:
        """Choose the residual format, then every shift and scale, and write the stream."""
        widths, headroom = self._widths, 2.0**HEADROOM_BITS
        residual_limit = self._residual_range * headroom
        fraction = min(
            widths.residual - 1 - integer_bits(residual_limit),
            # More fraction bits than the embedding's largest left shift can fill are of no use.
            embedding_exponent - EMBEDDING_SHIFT_RANGE[0],
        )
        if not 0 <= fraction < widths.residual:
            raise CheckpointError(
                f"the residual stream reaches {self._residual_range:.3g} on the calibration text: "
                f"{widths.residual} bits cannot hold it"
            )
        self._writer.set_residual_fraction(fraction)
        input_shift = embedding_exponent - fraction
        if not EMBEDDING_SHIFT_RANGE[0] <= input_shift <= EMBEDDING_SHIFT_RANGE[1]:
            raise CheckpointError(
                f"the embedding needs a shift of {input_shift}, allowed are "
                f"{EMBEDDING_SHIFT_RANGE[0]} to {EMBEDDING_SHIFT_RANGE[1]}: its values are too "
                "small or too large beside the residual stream"
            )
        first = self._items[0]
        records = [
            encode_operation(
                Operation(first.kind, first.layer, first.inputs, first.rows, 0, input_shift)
            )
        ]
        for item, floats, seen in zip(self._items[1:], self._floats, self._input_ranges):
            limit = seen * headroom
            if item.kind is OperationKind.PROJECT:
                # The raw accumulator has no fraction bits, the activation brings its own.
                product_fraction = widths.activation_fraction
                operand_fraction = min(widths.operand - 1 - integer_bits(limit), product_fraction)
                operand = OperandFormat(
                    operand_fraction, limit, product_fraction - operand_fraction
                )
            else:
                dropped = widths.residual - widths.operand
                operand = OperandFormat(fraction - dropped, min(limit, residual_limit), dropped)
            destinations = destination_fractions(item.kind, widths, fraction)
            operation = quantised_operation(item, floats, operand, destinations, widths)
            records.append(encode_operation(operation))
        self._writer.parameters[:] = np.frombuffer(b"".join(records), np.uint8)

    def _advance(self, what: str, weights: int) -> None:
        self._weights_done += weights
        shape = self._checkpoint.shape
        total = shape.ternary_weights + shape.vocabulary * shape.dim
        self._progress(what, self._weights_done, total)


def destination_fractions(
    kind: OperationKind, widths: Widths, residual_fraction: int
) -> tuple[int | None, ...]:
    """Fraction bits of each output of an operation; None where only the raw sums are used."""
    preactivation = widths.preactivation_fraction
    return {
        OperationKind.MIX: (preactivation, preactivation, None),
        OperationKind.PROJECT: (residual_fraction,),
        OperationKind.GLU: (preactivation,),
        OperationKind.HEAD: (widths.logit_fraction,),
    }[kind]
