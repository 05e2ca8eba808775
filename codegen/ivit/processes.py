# SPDX-License-Identifier: Apache-2.0
"""The processes of the I-ViT machine: their streams, memories and registers."""

from __future__ import annotations

from codegen.machine.process import PACKET_WORD, Memory, Process, unit_streams

PROCESSES = (
    Process(
        "weight_buffer",
        unit_streams(
            "WeightBuffer",
            headers="HeaderWord",
            words=PACKET_WORD,
            factors="FactorWord",
            gains="GainWord",
            rights="Rights",
            status="Status",
        ),
        "Takes the weight stream apart and repeats a slice of weights for all tokens.",
        memories=(Memory("memories", "WeightBuffer::Memory", "WeightBuffer::kFeatures"),),
        stages=4,
    ),
    Process(
        "matrix_array",
        unit_streams(
            "MatrixArray", headers="HeaderWord", lefts="Lefts", rights="Rights", sums="Sums"
        ),
        "Activations times weights, queries times keys, probabilities times values.",
        registers=("sums", "finished"),
        stages=4,
    ),
    Process(
        "requantise",
        unit_streams(
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
        unit_streams(
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
