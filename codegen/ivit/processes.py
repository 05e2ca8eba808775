# SPDX-License-Identifier: Apache-2.0
"""The processes of the I-ViT machine: their streams, memories and registers."""

from __future__ import annotations

from codegen.machine.process import Memory, Process, StreamPort


def _streams(unit: str, **words: str) -> tuple[StreamPort, ...]:
    """Name -> type within the unit's struct."""
    return tuple(StreamPort(name, f"{unit}::{word}") for name, word in words.items())


PROCESSES = (
    Process(
        "matrix_array",
        _streams("MatrixArray", headers="HeaderWord", lefts="Lefts", rights="Rights", sums="Sums"),
        "Activations times weights, queries times keys, probabilities times values.",
        registers=("sums", "finished"),
        stages=4,
    ),
    Process(
        "requantise",
        _streams(
            "Requantise",
            headers="HeaderWord",
            factors="FactorWord",
            sums="Sums",
            results="Results",
        ),
        "Sums of the array to the scale of what follows.",
        memories=(Memory("memory", "Requantise::Memory"),),
        stages=8,
    ),
    Process(
        "residual_add",
        _streams(
            "ResidualAdd",
            headers="HeaderWord",
            branches="Results",
            constants="Constants",
            elements="Residual",
        ),
        "Keeps the residual stream and adds branches to it.",
        memories=(Memory("memories", "ResidualAdd::Memory", "ResidualAdd::kTokens"),),
        stages=8,
    ),
)
