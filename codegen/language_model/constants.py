# SPDX-License-Identifier: Apache-2.0
"""The constants of the generated C++ header, each with its unit, range and meaning."""

from __future__ import annotations

import dataclasses

from codegen.constants import Constant, Table, constant_name
from tritforge.error_code import ErrorCode
from tritforge.language_model.config import (
    DIM_RANGE,
    GLU_RANGE,
    LANE_CHOICES,
    LAYER_RANGE,
    PORT_CHOICES,
    TOP_K,
    VOCABULARY_RANGE,
    AcceleratorConfig,
    SigmoidKind,
)
from tritforge.language_model.golden import piecewise_linear, shift_sigmoid
from tritforge.language_model.golden.headers import END_OF_RUN
from tritforge.language_model.golden.scalar_unit import CODE_LIMIT
from tritforge.language_model.golden.sigmoid import SEGMENTS, segment_bits, sigmoid_table
from tritforge.language_model.packing import row_tiles
from tritforge.language_model.program import (
    MAXIMUM_CONSUMERS,
    SCALE_EXPONENT_RANGE,
    SHIFT_RANGE,
    OperationKind,
    operation_shapes,
    scale_mantissa_range,
)
from tritforge.language_model.wire.input_packet import RESIDUAL_BITS
from tritforge.language_model.wire.lower_bound import BOUND_FRACTION, SLOW_BITS


def constants(config: AcceleratorConfig) -> tuple[Constant, ...]:
    """Every constant the C++ sees, in the order of the header."""
    return (
        *_shape(config),
        *_array(config),
        *_derived(config),
        *_sigmoid(config),
        *_fixed(config),
        *_protocol(),
        *_widths(config),
    )


def tables(config: AcceleratorConfig) -> tuple[Table, ...]:
    """ROM contents: what the chosen sigmoid looks up, one entry per segment."""
    fraction = config.widths.sigmoid_fraction
    if config.sigmoid is SigmoidKind.TABLE:
        knots = sigmoid_table(fraction)
        starts, rises = knots[:-1], knots[1:] - knots[:-1]
        meaning = "how much the sigmoid grows within a segment"
    elif config.sigmoid is SigmoidKind.PIECEWISE_LINEAR:
        starts, rises = piecewise_linear.chords(fraction)
        meaning = "slope of the chord of a segment"
    else:
        return ()
    return (
        Table("kSigmoidStarts", tuple(starts.tolist()), "sigmoid or chord at a segment's start"),
        Table("kSigmoidSlopes", tuple(rises.tolist()), meaning),
    )


def _sigmoid(config: AcceleratorConfig) -> tuple[Constant, ...]:
    chosen, widths = config.sigmoid, config.widths
    segments, bits, slope_bits = {
        SigmoidKind.TABLE: (SEGMENTS, segment_bits(widths), 0),
        SigmoidKind.PIECEWISE_LINEAR: (
            piecewise_linear.SEGMENTS,
            piecewise_linear.segment_bits(widths),
            piecewise_linear.SLOPE_FRACTION,
        ),
        SigmoidKind.SHIFT_EXPONENTIAL: (0, 0, 0),
    }[chosen]
    slopes = [value for table in tables(config)[1:] for value in table.values]
    kinds = list(SigmoidKind)
    numbers = _choices(tuple(range(len(kinds))))
    names = ", ".join(kind.value for kind in kinds)
    return (
        Constant("kSigmoidKind", kinds.index(chosen), "kind", numbers, names),
        Constant("kSigmoidSegments", segments, "segments", "derived", "linear pieces of it"),
        Constant("kSigmoidSegmentBits", bits, "bits", "derived", "argument within a segment"),
        Constant("kSigmoidSlopeFraction", slope_bits, "bits", "derived", "fraction bits of slopes"),
        Constant("kSigmoidLargestSlope", max(slopes, default=0), "1", "derived", "of all segments"),
        Constant(
            "kSigmoidGuardBits",
            shift_sigmoid.GUARD_BITS,
            "bits",
            "fixed",
            "below the argument of the shift exponential",
        ),
        Constant(
            "kSigmoidLargestShift",
            shift_sigmoid.LARGEST_SHIFT,
            "bits",
            "fixed",
            "of the shift exponential",
        ),
    )


def _span(limits: tuple[int, int]) -> str:
    return f"{limits[0]}..{limits[1]}"


def _choices(values: tuple[int, ...]) -> str:
    return "/".join(map(str, values))


def _shape(config: AcceleratorConfig) -> tuple[Constant, ...]:
    shape = config.shape
    return (
        Constant("kDim", shape.dim, "elements", _span(DIM_RANGE), "width of the largest model"),
        Constant(
            "kLayers", shape.layers, "blocks", _span(LAYER_RANGE), "depth of the largest model"
        ),
        Constant("kGluWidth", shape.glu_width, "elements", _span(GLU_RANGE), "gated linear unit"),
        Constant(
            "kVocabulary", shape.vocabulary, "tokens", _span(VOCABULARY_RANGE), "rows of the head"
        ),
    )


def _array(config: AcceleratorConfig) -> tuple[Constant, ...]:
    return (
        Constant("kPorts", config.ports, "ports", _choices(PORT_CHOICES), "64-bit weight ports"),
        Constant(
            "kLanes", config.lanes, "vectors", _choices(LANE_CHOICES), "vectors that share a weight"
        ),
        Constant(
            "kStates", config.states, "states", f"1 or {config.lanes}", "recurrent states on chip"
        ),
    )


def _derived(config: AcceleratorConfig) -> tuple[Constant, ...]:
    operations = [item for item in operation_shapes(config.shape) if item.matrices]
    rows = config.rows_per_beat
    tiles = max(row_tiles(item.rows, rows) * item.matrices for item in operations)
    inputs = max(item.inputs for item in operations)
    derived = "derived"
    return (
        Constant("kRowsPerBeat", rows, "rows", derived, "matrix rows that advance together"),
        Constant("kMaximumInputs", inputs, "elements", derived, "longest row of a matrix"),
        Constant("kMaximumTiles", tiles, "tiles", derived, "row tiles of the largest operation"),
    )


def _fixed(config: AcceleratorConfig) -> tuple[Constant, ...]:
    mantissa_bits = scale_mantissa_range(config.widths)[1].bit_length()
    exponent_bits = SCALE_EXPONENT_RANGE[1].bit_length() + 1
    fixed = "fixed"
    return (
        Constant("kConsumers", MAXIMUM_CONSUMERS, "layers", fixed, "BitLinears fed by one vector"),
        Constant("kCodeLimit", CODE_LIMIT, "1", fixed, "largest activation code"),
        Constant("kScaleMantissaBits", mantissa_bits, "bits", fixed, "scale mantissa, unsigned"),
        Constant("kScaleExponentBits", exponent_bits, "bits", fixed, "scale exponent, signed"),
        Constant("kMaximumInputShift", SHIFT_RANGE[1], "bits", fixed, "largest operand shift"),
        Constant("kInputBits", RESIDUAL_BITS, "bits", fixed, "residual in the input packet"),
        Constant("kBoundFraction", BOUND_FRACTION, "bits", fixed, "number of a lower bound"),
        Constant("kSlowBits", SLOW_BITS, "bits", fixed, "further fraction of a slow gate"),
        *_argument_shifts(config),
        Constant("kTopK", TOP_K, "tokens", fixed, "best tokens that the head finds"),
        Constant("kMinimumDim", DIM_RANGE[0], "elements", fixed, "smallest dim of a model"),
        Constant("kMinimumGluWidth", GLU_RANGE[0], "elements", fixed, "smallest GLU width"),
        Constant("kMinimumVocabulary", VOCABULARY_RANGE[0], "tokens", fixed, "smallest vocabulary"),
    )


def _argument_shifts(config: AcceleratorConfig) -> tuple[Constant, ...]:
    least, largest = config.widths.argument_shifts
    _, largest_of_forget = config.widths.forget_shifts
    return (
        Constant("kLeastArgumentShift", least, "bits", "derived", "of a pre-activation"),
        Constant("kLargestArgumentShift", largest, "bits", "derived", "of a pre-activation"),
        Constant("kLargestForgetShift", largest_of_forget, "bits", "derived", "of a forget gate"),
    )


def _protocol() -> tuple[Constant, ...]:
    """Numbers that the parameter stream and the result of a run use."""
    last = max(OperationKind)
    return (
        Constant("kEndOfRun", END_OF_RUN, "kind", "fixed", "header after the last operation"),
        *(
            Constant(constant_name(kind.name), int(kind), "kind", "fixed", f"operation {kind.name}")
            for kind in OperationKind
        ),
        Constant("kLastOperation", int(last), "kind", "fixed", "largest kind of operation"),
        *(
            Constant(constant_name(code.name), int(code), "error", "fixed", "why a run stopped")
            for code in ErrorCode
        ),
    )


def _widths(config: AcceleratorConfig) -> tuple[Constant, ...]:
    return tuple(
        Constant(
            _width_name(item.name),
            getattr(config.widths, item.name),
            item.metadata["unit"],
            _span(item.metadata["range"]),
            item.metadata["meaning"],
        )
        for item in dataclasses.fields(config.widths)
    )


def _width_name(field: str) -> str:
    """`square_sum` -> `kSquareSumBits`, `logit_fraction` -> `kLogitFraction`."""
    name = constant_name(field)
    return name if field.endswith("_fraction") else name + "Bits"
