# SPDX-License-Identifier: Apache-2.0
"""The processes of the I-ViT machine: their streams, memories and registers."""

from __future__ import annotations

from codegen.machine.process import Memory, Process, StreamPort


def _streams(unit: str, **words: str) -> tuple[StreamPort, ...]:
    """Name -> type within the unit's struct."""
    return tuple(StreamPort(name, f"{unit}::{word}") for name, word in words.items())


#: A word of a packet, TLAST above its data.
_PACKET = "tritforge::StreamWord"

PROCESSES = (
    Process(
        "weight_buffer",
        (
            *_streams("WeightBuffer", headers="HeaderWord"),
            StreamPort("words", _PACKET),
            *_streams(
                "WeightBuffer",
                factors="FactorWord",
                gains="GainWord",
                rights="Rights",
                status="Status",
            ),
        ),
        "Takes the weight stream apart and repeats a slice of weights for all tokens.",
        memories=(Memory("memories", "WeightBuffer::Memory", "WeightBuffer::kFeatures"),),
        stages=4,
    ),
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
