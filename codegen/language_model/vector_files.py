# SPDX-License-Identifier: Apache-2.0
"""Golden vectors of every unit of the language model's machine."""

from __future__ import annotations

from codegen.language_model.vectors import (
    code_buffer,
    dequantiser,
    element_unit,
    head,
    quantiser,
    scalar_unit,
    sequencer,
    ternary_array,
    ternary_code,
    vector_unit,
    weight_join,
)
from tritforge.language_model.config import AcceleratorConfig


def vector_files(config: AcceleratorConfig) -> dict[str, str]:
    """Name -> content of every vector file of the project."""
    return {
        "code_buffer.txt": code_buffer.vectors(config),
        "dequantiser.txt": dequantiser.vectors(config),
        "element_unit.txt": element_unit.vectors(config),
        "head.txt": head.vectors(config),
        "quantiser.txt": quantiser.vectors(config),
        "scalar_unit.txt": scalar_unit.vectors(config),
        "sequencer.txt": sequencer.vectors(config),
        "ternary_array.txt": ternary_array.vectors(config),
        "ternary_code.txt": ternary_code.vectors(),
        "vector_unit.txt": vector_unit.vectors(config),
        "weight_join.txt": weight_join.vectors(config),
    }
