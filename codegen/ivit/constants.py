# SPDX-License-Identifier: Apache-2.0
"""The constants of the I-ViT machine's C++ header, each with its unit, range and meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from codegen.constants import Constant, constant_name
from tritforge.error_code import ErrorCode
from tritforge.ivit.machine.config import MachineConfig, limits_of
from tritforge.ivit.machine.operations import OperationKind
from tritforge.ivit.machine.program import MAGIC
from tritforge.ivit.parameters import LARGEST_SHIFT

#: Properties of a configuration that the C++ takes over: name -> unit and meaning.
_DERIVED: Mapping[str, tuple[str, str]] = {
    "head_dim": ("channels", "channels of one head"),
    "token_groups": ("1", "groups of token lanes"),
    "value_groups": ("1", "groups of feature lanes of the values, head by head"),
    "maximum_inputs": ("1", "longest row that is multiplied by a weight"),
    "maximum_beats": ("beats", "beats of the longest tile"),
    "maximum_slices": ("1", "slices of feature lanes of the widest operation"),
    "maximum_tiles": ("tiles", "tiles of the largest operation"),
    "drain_beats": ("beats", "words of sums of one tile"),
    "probability_bits": ("bits", "probability, unsigned fraction"),
    "probability_digits": ("digits", "digits of a probability as an operand"),
    "left_bits": ("bits", "left operand of the array, signed"),
    "right_bits": ("bits", "right operand of the array, signed"),
    "product_bits": ("bits", "product, signed"),
    "packed_bits": ("bits", "two right operands of one multiplier, signed"),
    "accumulator_bits": ("bits", "sum of products, signed"),
    "result_bits": ("bits", "requantised result, signed"),
    "shift_bits": ("bits", "shift of a factor, unsigned"),
    "norm_elements": ("1", "elements of a row per cycle in the norm"),
    "exchange_slack": ("words", "words beyond a row that are ahead of ShiftGELU's results"),
    "identity_bits": ("bits", "what a branch is added to, signed"),
}


def _limits() -> tuple[Constant, ...]:
    """What a program may not fall below or go beyond, whatever the machine is."""
    smallest = {name: limits_of(name)[0] for name in ("dim", "tokens", "classes", "hidden")}
    return (
        *(
            Constant(f"kMinimum{name.title()}", value, "1", "fixed", f"smallest {name} of a model")
            for name, value in smallest.items()
        ),
        Constant("kLargestShift", LARGEST_SHIFT, "bits", "fixed", "largest shift of a factor"),
    )


#: Numbers that the program and the result of a run use.
_PROTOCOL = (
    *_limits(),
    Constant("kMagic", MAGIC, "1", "fixed", "first 16 bits of a record"),
    *(
        Constant(
            constant_name(f"{kind.name}_operation"), kind.value, "kind", "fixed", kind.name.lower()
        )
        for kind in OperationKind
    ),
    Constant(
        "kLastOperation",
        max(kind.value for kind in OperationKind),
        "kind",
        "fixed",
        "largest kind of operation",
    ),
    *(
        Constant(constant_name(code.name), int(code), "error", "fixed", "why a run stopped")
        for code in ErrorCode
    ),
)


def constants(config: MachineConfig) -> tuple[Constant, ...]:
    """Every constant the C++ sees, in the order of the header."""
    chosen = [
        _parameter(item, getattr(config, item.name))
        for item in dataclasses.fields(config)
        if item.name not in ("board", "widths")
    ]
    widths = [
        _parameter(item, getattr(config.widths, item.name), "bits")
        for item in dataclasses.fields(config.widths)
    ]
    derived = [
        Constant(constant_name(name), getattr(config, name), unit, "derived", meaning)
        for name, (unit, meaning) in _DERIVED.items()
    ]
    return (*chosen, *widths, *derived, *_PROTOCOL)


def _parameter(item: dataclasses.Field[Any], value: int, unit: str | None = None) -> Constant:
    metadata = item.metadata
    allowed = (
        "/".join(map(str, metadata["choices"]))
        if "choices" in metadata
        else "{}..{}".format(*metadata["range"])
    )
    return Constant(
        constant_name(item.name), value, unit or metadata["unit"], allowed, metadata["meaning"]
    )
