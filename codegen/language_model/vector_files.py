# SPDX-License-Identifier: Apache-2.0
"""Golden vectors of every unit of the language model's machine, and of the whole machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from codegen.language_model.vectors import (
    code_buffer,
    dequantiser,
    element_unit,
    head,
    machine,
    quantiser,
    scalar_unit,
    sequencer,
    ternary_array,
    ternary_code,
    vector_unit,
    weight_join,
)
from tritforge.language_model.config import AcceleratorConfig

#: Unit -> what makes the vectors of its test bench for a configuration.
UNIT_VECTORS: Mapping[str, Callable[[AcceleratorConfig], str]] = {
    "code_buffer": code_buffer.vectors,
    "dequantiser": dequantiser.vectors,
    "element_unit": element_unit.vectors,
    "head": head.vectors,
    "quantiser": quantiser.vectors,
    "scalar_unit": scalar_unit.vectors,
    "sequencer": sequencer.vectors,
    "ternary_array": ternary_array.vectors,
    "ternary_code": lambda config: ternary_code.vectors(),
    "vector_unit": vector_unit.vectors,
    "weight_join": weight_join.vectors,
}

#: The vectors of the whole machine, in projects that hold all of its units.
MACHINE_VECTORS: Mapping[str, Callable[[AcceleratorConfig], str]] = {"machine": machine.vectors}
