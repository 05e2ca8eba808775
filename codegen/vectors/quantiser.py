# SPDX-License-Identifier: Apache-2.0
"""Vectors of the quantiser: operands, gains and shifts to codes, scales and saturation flags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from codegen.vectors.vector_file import VectorFile
from tritforge.config import AcceleratorConfig
from tritforge.golden.fixed_point import Int64Array, SaturationFlags, symmetric_limit
from tritforge.golden.quantiser import quantise
from tritforge.parameters import (
    MAXIMUM_OUTPUTS,
    SHIFT_RANGE,
    Operation,
    OperationKind,
    ScaledOutput,
    scale_mantissa_range,
)

_SEED = 4
_SHORT = 37


@dataclass(frozen=True)
class _Case:
    """One vector; shifts of None are chosen so that nothing saturates."""

    name: str
    operand: Int64Array
    consumers: int = MAXIMUM_OUTPUTS
    has_norm_gain: bool = True
    gain: int | None = None
    square_shift: int | None = None
    value_shift: int | None = None


def vectors(config: AcceleratorConfig) -> str:
    """Random vectors of several lengths, then the corners."""
    random = RandomState(_SEED)
    file = VectorFile("quantiser: operand, gains, shifts and scales to codes and multipliers")
    for case in (*_random_cases(config, random), *_corner_cases(config, random)):
        _add(file, case, config, random)
    return file.text()


def _operand(random: RandomState, bits: int, inputs: int) -> Int64Array:
    """Bell-shaped numbers of at most `bits` bits."""
    limit = symmetric_limit(bits)
    values = random.randint(-limit, limit + 1, (3, inputs), dtype=np.int64)
    return values.sum(0) // 3


def _random_cases(config: AcceleratorConfig, random: RandomState) -> list[_Case]:
    bits, longest = config.widths.operand, max(config.shape.dim, config.shape.glu_width)
    cases = [
        _Case(f"random_{inputs}_for_{consumers}", _operand(random, bits, inputs), consumers, norm)
        for inputs in (1, 2, 5, _SHORT)
        for consumers, norm in ((1, True), (1, False), (2, True), (3, True), (3, False))
    ]
    return [
        *cases,
        _Case("full_dim", _operand(random, bits, config.dim)),
        _Case("longest_without_norm_gain", _operand(random, bits, longest), 1, False),
    ]


def _corner_cases(config: AcceleratorConfig, random: RandomState) -> list[_Case]:
    bits = config.widths.operand
    limit, gain = symmetric_limit(bits), symmetric_limit(config.widths.gain)
    spike = np.zeros(_SHORT, np.int64)
    spike[_SHORT // 2] = -limit
    largest = np.full(_SHORT, limit)
    tiny = random.randint(-1, 2, _SHORT, dtype=np.int64).astype(np.int64)
    ramp = np.arange(-_SHORT // 2, _SHORT // 2, dtype=np.int64)
    usual = _operand(random, bits, _SHORT)
    last_shift = SHIFT_RANGE[1]
    return [
        _Case("all_zero", np.zeros(_SHORT, np.int64)),
        _Case("all_largest", largest, gain=gain),
        _Case("all_largest_negative", -largest, gain=gain),
        _Case("negative_gains", usual, gain=-gain),
        _Case("zero_gains", usual, gain=0),
        _Case("single_spike", spike),
        _Case("tiny_absmax", tiny, gain=1, square_shift=0, value_shift=0),
        _Case("every_code_boundary", ramp, gain=1, square_shift=0, value_shift=0),
        _Case("no_shift_saturates_all", usual, square_shift=0, value_shift=0),
        _Case("square_operand_saturates", usual, square_shift=4),
        _Case("value_saturates", usual, value_shift=4),
        _Case("largest_shift_clears_all", usual, square_shift=last_shift, value_shift=last_shift),
        _Case("values_vanish_but_not_the_norm", usual, value_shift=last_shift),
        _Case("largest_square_sum", np.full(config.dim, limit), 1, square_shift=0),
    ]


def _operation(case: _Case, config: AcceleratorConfig, random: RandomState) -> Operation:
    inputs, widths = case.operand.size, config.widths
    largest, mantissas = symmetric_limit(widths.gain), scale_mantissa_range(widths)

    def gains() -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
        if case.gain is None:
            return random.randint(-largest, largest + 1, inputs, dtype=np.int64).astype(np.int16)
        return np.full(inputs, case.gain, np.int16)

    product_bits = widths.operand + widths.gain
    square_shift = case.square_shift
    if square_shift is None:
        scaled_bits = product_bits if case.has_norm_gain else widths.operand
        square_shift = max(scaled_bits - widths.square_operand, 0)
    value_shift = case.value_shift
    if value_shift is None:
        value_shift = max(product_bits - widths.value, 0)
    outputs = tuple(
        ScaledOutput(
            gain=gains(),
            value_shift=min(value_shift + index, SHIFT_RANGE[1]),
            scale_mantissa=int(random.randint(1, mantissas[1] + 1, dtype=np.int64)),
            scale_exponent=int(random.randint(0, 40, dtype=np.int64)),
        )
        for index in range(case.consumers)
    )
    return Operation(
        kind=OperationKind.MIX,
        layer=0,
        inputs=inputs,
        rows=inputs,
        matrices=case.consumers,
        input_shift=0,
        square_shift=square_shift,
        norm_gain=gains() if case.has_norm_gain else None,
        outputs=outputs,
    )


def _add(file: VectorFile, case: _Case, config: AcceleratorConfig, random: RandomState) -> None:
    operation = _operation(case, config, random)
    flags = SaturationFlags()
    results = quantise(case.operand[None], operation, config.widths, flags)
    norm_gain = np.zeros_like(case.operand) if operation.norm_gain is None else operation.norm_gain
    outputs = operation.outputs
    file.case(case.name)
    file.add(
        inputs=operation.inputs,
        consumers=case.consumers,
        has_norm_gain=int(case.has_norm_gain),
        square_shift=operation.square_shift,
        value_shift=[output.value_shift for output in outputs],
        scale_mantissa=[output.scale_mantissa for output in outputs],
        scale_exponent=[output.scale_exponent for output in outputs],
        operand=case.operand,
        gains=np.stack([norm_gain, *(output.gain for output in outputs)], axis=1),
        scales=np.stack([(item.multiplier[0, 0], item.shift[0, 0]) for item in results]),
        codes=np.stack([item.codes[0] for item in results], axis=1),
        saturated=[int(flags["square_operand"] > 0), int(flags["value"] > 0)],
    )
