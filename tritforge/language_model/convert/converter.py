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
from tritforge.language_model import packing
from tritforge.language_model.config import BYTES_PER_PORT, PORT_CHOICES, Widths
from tritforge.language_model.convert.calibration import (
    CalibrationPass,
    GatedProduct,
    TernaryLinear,
    calibration_tokens,
    default_calibration_text,
    random_tokens,
    shows_too_little,
)
from tritforge.language_model.convert.checkpoint import Checkpoint
from tritforge.language_model.convert.comparison import (
    COMPARED_POSITIONS,
    ConversionFidelity,
    compare_with_calibration,
)
from tritforge.language_model.convert.embedding_table import (
    EMBEDDING_BITS,
    choose_type,
    write_embedding,
)
from tritforge.language_model.convert.fixed_point_formats import quantised_operation
from tritforge.language_model.convert.fixed_point_plan import FixedPointPlan
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
    OperationKind,
    OperationShape,
    encode_operation,
    operation_shapes,
)

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
        embedding_bits: 8, 16 or 32; default: 16, which holds 16-bit checkpoints exactly.
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
        if self.embedding_bits not in EMBEDDING_BITS:
            raise ConfigurationError(
                f"embedding_bits = {self.embedding_bits!r}: choose one of {EMBEDDING_BITS}"
            )
        if self.ports not in PORT_CHOICES:
            raise ConfigurationError(f"ports = {self.ports}: choose one of {PORT_CHOICES}")


@dataclass(frozen=True)
class ConversionReport:
    """What was written: sizes in bytes, and the share of zero weights.

    Attributes:
        fidelity: how the image does on the calibration text.
        random_calibration: the text showed too few tokens, so random ones stood in for it.
        not_honoured: settings of `generation_config.json`, with their values, that have no effect.
    """

    path: Path
    file_bytes: int
    weight_bytes: int
    parameter_bytes: int
    embedding_bytes: int
    ternary_weights: int
    zero_share: float
    fidelity: ConversionFidelity
    random_calibration: bool = False
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
    vocabulary = checkpoint.shape.vocabulary
    tokens = calibration_tokens(checkpoint.tokenizer, checkpoint.begin_token, vocabulary, text)
    random_calibration = shows_too_little(tokens, vocabulary)
    if random_calibration:
        tokens = random_tokens(checkpoint.begin_token, vocabulary)
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
        embedding_type=choose_type(checkpoint.load(EMBEDDING), options.embedding_bits),
        epsilons=checkpoint.epsilons,
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
        fidelity = compare_with_calibration(writer.image(), tokens, conversion.logits, progress)
    sizes = header.section_bytes()
    return ConversionReport(
        path=output,
        file_bytes=writer.file_bytes,
        weight_bytes=sizes["weights"],
        parameter_bytes=sizes["parameters"],
        embedding_bytes=sizes["embedding"] + sizes["embedding_exponents"],
        ternary_weights=checkpoint.shape.ternary_weights,
        zero_share=conversion.zeros / checkpoint.shape.ternary_weights,
        fidelity=fidelity,
        random_calibration=random_calibration,
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
        #: float logits of the calibration text's first positions
        self.logits: NDArray[np.float32] = np.zeros(0, np.float32)
        self._progress, self._weights_done = progress, 0
        self.zeros = 0

    def run(self, tokens: NDArray[np.int64]) -> None:
        """Pack every operation in program order, calibrating on the way; then the parameters."""
        calibration, column_maxima = self._embed(tokens)
        product = GatedProduct(np.zeros(0), np.zeros(0))
        for item, packed in zip(self._items[1:], self._writer.weights):
            linears, scales = self._pack(item, packed)
            floats = gather_float_operation(item, self._vector, scales, self._lower_bounds)
            self._floats.append(floats)
            if item.kind is OperationKind.MIX:
                product = calibration.token_mixer(floats, linears)
            elif item.kind is OperationKind.GLU:
                product = calibration.gated_linear_unit(floats, linears[0])
            elif item.kind is OperationKind.PROJECT:
                calibration.project(floats, product, linears[0])
            else:
                logits = calibration.head(floats, linears[0], COMPARED_POSITIONS)
                self.logits = logits.astype(np.float32)
        self._write_parameters(
            FixedPointPlan.of(self._items, self._floats, calibration, column_maxima, self._widths)
        )
        if self._writer.float_values is not None:
            self._writer.float_values[:] = encode_float_section(self._floats)

    def _vector(self, name: str) -> FloatArray:
        """A gain, as upstream holds it (float32), which also bounds every exponent."""
        return self._checkpoint.load(name).astype(np.float32).astype(np.float64)

    def _embed(self, tokens: NDArray[np.int64]) -> tuple[CalibrationPass, FloatArray]:
        """Write the embedding; returns the calibration pass and the largest magnitude of every
        element of a row."""
        table = self._checkpoint.load(EMBEDDING)
        column_maxima = write_embedding(table, self._writer.embedding)
        self._advance(EMBEDDING, table.size)
        embedded = self._writer.embedding.values(tokens.ravel()).reshape(*tokens.shape, -1)
        return CalibrationPass(embedded, self._checkpoint.epsilons), column_maxima

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

    def _write_parameters(self, plan: FixedPointPlan) -> None:
        """Write every shift and scale."""
        self._writer.set_residual_fraction(plan.residual_fraction, plan.headroom_text())
        records = [encode_operation(self._items[0].operation())]
        for item, floats, site in zip(self._items[1:], self._floats, plan.sites):
            records.append(encode_operation(quantised_operation(item, floats, site, self._widths)))
        self._writer.parameters[:] = np.frombuffer(b"".join(records), np.uint8)

    def _advance(self, what: str, weights: int) -> None:
        self._weights_done += weights
        shape = self._checkpoint.shape
        total = shape.ternary_weights + shape.vocabulary * shape.dim
        self._progress(what, self._weights_done, total)
