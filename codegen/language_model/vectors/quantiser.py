# SPDX-License-Identifier: Apache-2.0
"""Vectors of the quantiser: operands, gains and shifts to codes, scales and saturation flags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array, symmetric_limit
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.golden.quantiser import SIGNALS, quantise
from tritforge.language_model.golden.timing import quantiser_steps
from tritforge.language_model.program import (
    MAXIMUM_CONSUMERS,
    SCALE_EXPONENT_RANGE,
    SHIFT_RANGE,
    Operation,
    OperationKind,
    ScaledOutput,
    scale_mantissa_range,
    square_offset_range,
)
from tritforge.language_model.signals import SaturationFlags
from tritforge.language_model.wire.element_order import in_element_order, in_groups
from tritforge.ternary_code import bytes_per_row

_SEED = 4
_SHORT = 37
#: The last group is shorter than the number of consumers; the next length has groups that end in
#: neighbouring steps of two lanes. Both must wait until the group before is stored.
_LENGTHS = (1, 2, 5, 36, _SHORT, 97)
#: What gains and columns hold that must not matter.
_UNUSED = 99


@dataclass(frozen=True)
class _Case:
    """One operation; shifts of None are chosen so that nothing saturates.

    Attributes:
        operand: (K,), which every lane gets rotated by its number, or (lanes, K).
    """

    name: str
    operand: Int64Array
    consumers: int = MAXIMUM_CONSUMERS
    has_norm_gain: bool = True
    gain: int | None = None
    square_shift: int | None = None
    value_shift: int | None = None
    square_offset: int | None = None
    scale_exponent: int | None = None


def vectors(config: AcceleratorConfig) -> str:
    """Random vectors of several lengths, then the corners."""
    random = RandomState(_SEED)
    file = VectorFile("quantiser: operand, gains, shifts and scales to codes and multipliers")
    for case in (*_random_cases(config, random), *_corner_cases(config, random)):
        _add(file, case, config, random)
    return file.text()


def _operand(random: RandomState, config: AcceleratorConfig, inputs: int) -> Int64Array:
    """(lanes, inputs) bell-shaped numbers."""
    limit = symmetric_limit(config.widths.operand)
    values = random.randint(-limit, limit + 1, (3, config.lanes, inputs), dtype=np.int64)
    return values.sum(0) // 3


def _random_cases(config: AcceleratorConfig, random: RandomState) -> list[_Case]:
    longest = max(config.shape.dim, config.shape.glu_width)
    cases = [
        _Case(f"random_{inputs}_for_{consumers}", _operand(random, config, inputs), consumers, norm)
        for inputs in sorted({min(length, config.dim) for length in _LENGTHS})
        for consumers, norm in ((1, True), (1, False), (2, True), (3, True), (3, False))
    ]
    return [
        *cases,
        _Case("full_dim", _operand(random, config, config.dim)),
        _Case("longest_without_norm_gain", _operand(random, config, longest), 1, False),
        _Case("without_consumers_elements_are_dropped", _operand(random, config, _SHORT), 0),
    ]


def _corner_cases(config: AcceleratorConfig, random: RandomState) -> list[_Case]:
    bits = config.widths.operand
    limit, gain = symmetric_limit(bits), symmetric_limit(config.widths.gain)
    spike = np.zeros(_SHORT, np.int64)
    spike[_SHORT // 2] = -limit
    largest = np.full(_SHORT, limit)
    tiny = random.randint(-1, 2, _SHORT, dtype=np.int64).astype(np.int64)
    ramp = np.arange(-_SHORT // 2, _SHORT // 2, dtype=np.int64)
    usual = _operand(random, config, _SHORT)
    last_shift = SHIFT_RANGE[1]
    largest_offset = square_offset_range(config.widths)[1]
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
        _Case("square_sum_saturates", usual, square_offset=largest_offset),
        _Case("offset_alone", np.zeros(_SHORT, np.int64), square_offset=largest_offset),
        _Case("multiplier_saturates", usual, scale_exponent=SCALE_EXPONENT_RANGE[0]),
        _Case("nothing_saturates_after_it", usual, scale_exponent=40),
    ]


def _operation(case: _Case, config: AcceleratorConfig, random: RandomState) -> Operation:
    inputs, widths = case.operand.shape[-1], config.widths
    largest, mantissas = symmetric_limit(widths.gain), scale_mantissa_range(widths)

    def gains() -> NDArray[np.int16]:
        if case.gain is None:
            drawn = random.randint(-largest, largest + 1, inputs, dtype=np.int64)
            return np.asarray(drawn, np.int16)
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
            scale_exponent=int(random.randint(0, 40, dtype=np.int64))
            if case.scale_exponent is None
            else case.scale_exponent,
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
        square_offset=int(random.randint(0, 1 << 30, dtype=np.int64))
        if case.square_offset is None
        else case.square_offset,
    )


def _add(file: VectorFile, case: _Case, config: AcceleratorConfig, random: RandomState) -> None:
    operation, lanes, rows = _operation(case, config, random), config.lanes, config.rows_per_beat
    operand = case.operand
    if operand.ndim == 1:
        operand = np.stack([np.roll(operand, lane) for lane in range(lanes)])
    flags = SaturationFlags()
    results = quantise(operand, operation, config.widths, flags)
    slots = [operation.norm_gain, *(output.gain for output in operation.outputs)]
    gains = np.full((operation.inputs, 1 + MAXIMUM_CONSUMERS), _UNUSED)
    for slot, gain in enumerate(slots):
        if gain is not None:
            gains[:, slot] = gain
    unused = MAXIMUM_CONSUMERS - case.consumers
    file.case(case.name)
    file.add(
        inputs=operation.inputs,
        beats=bytes_per_row(operation.inputs),
        consumers=case.consumers,
        has_norm_gain=int(case.has_norm_gain),
        square_shift=operation.square_shift,
        square_offset=operation.square_offset,
    )
    for name in ("value_shift", "scale_mantissa", "scale_exponent"):
        file.add(**{name: [getattr(item, name) for item in operation.outputs] + [0] * unused})
    limit = symmetric_limit(config.widths.operand)
    file.add(
        operands=in_element_order(operand, rows, padding=limit),
        gains=gains if case.consumers else [],
    )
    file.expect(
        steps=quantiser_steps(operation.inputs, case.consumers, config),
        scales=[
            np.concatenate([item.multiplier, item.shift], axis=1).ravel().tolist()
            for item in results
        ],
        groups=[in_groups(item.codes, _UNUSED).ravel().tolist() for item in results],
        saturated=flags.bits(SIGNALS),
    )
