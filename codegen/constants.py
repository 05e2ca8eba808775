# SPDX-License-Identifier: Apache-2.0
"""The constants of the generated C++ header, each with its unit, range and meaning."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from tritforge.config import (
    DIM_RANGE,
    GLU_RANGE,
    LANE_CHOICES,
    LAYER_RANGE,
    PORT_CHOICES,
    VOCABULARY_RANGE,
    AcceleratorConfig,
)
from tritforge.golden.scalar_unit import CODE_LIMIT
from tritforge.packing import row_tiles
from tritforge.parameters import (
    MAXIMUM_OUTPUTS,
    SCALE_EXPONENT_RANGE,
    SHIFT_RANGE,
    operation_shapes,
    scale_mantissa_range,
)


@dataclass(frozen=True)
class Constant:
    """One `static constexpr int` of the header.

    Attributes:
        allowed: the range or the choices of a parameter; "derived" or "fixed" for the others.
    """

    name: str
    value: int
    unit: str
    allowed: str
    meaning: str


def constants(config: AcceleratorConfig) -> tuple[Constant, ...]:
    """Every constant the C++ sees, in the order of the header."""
    return (*_shape(config), *_array(config), *_derived(config), *_fixed(config), *_widths(config))


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
        Constant("kConsumers", MAXIMUM_OUTPUTS, "layers", fixed, "BitLinears fed by one vector"),
        Constant("kCodeLimit", CODE_LIMIT, "1", fixed, "largest activation code"),
        Constant("kScaleMantissaBits", mantissa_bits, "bits", fixed, "scale mantissa, unsigned"),
        Constant("kScaleExponentBits", exponent_bits, "bits", fixed, "scale exponent, signed"),
        Constant("kMaximumInputShift", SHIFT_RANGE[1], "bits", fixed, "largest operand shift"),
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
    name = "k" + field.title().replace("_", "")
    return name if field.endswith("_fraction") else name + "Bits"
