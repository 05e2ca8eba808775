# SPDX-License-Identifier: Apache-2.0
"""Vectors of the dequantiser: sums and scales of whole operations to what the consumers get."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from codegen.language_model.vectors.element_order import in_element_order
from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array, round_half_up, saturate, symmetric_limit
from tritforge.language_model.config import AcceleratorConfig, Widths
from tritforge.language_model.golden.quantiser import QuantisedVector, dequantise
from tritforge.language_model.program import OperationKind
from tritforge.language_model.signals import SaturationFlags

_SEED = 5
_MAXIMUM_SHIFT = 63
#: In the order of `Dequantiser::Flag`.
FLAGS = (
    "preactivation_forget",
    "preactivation_candidate",
    "preactivation_gate",
    "gate_operand",
    "up_operand",
    "logit",
)
_MATRICES = {
    OperationKind.MIX: 3,
    OperationKind.PROJECT: 1,
    OperationKind.GLU: 2,
    OperationKind.HEAD: 1,
}


@dataclass(frozen=True)
class _Operation:
    """One operation.

    Attributes:
        sums: (matrices, lanes, rows).
        multiplier, shift: (consumers, lanes).
    """

    kind: OperationKind
    sums: Int64Array
    multiplier: Int64Array
    shift: Int64Array


def vectors(config: AcceleratorConfig) -> str:
    """Every kind of operation, every shift, every signal that saturates."""
    random = RandomState(_SEED)
    file = VectorFile("dequantiser: sums and scales to activations, increments and scores")
    for name, run in _runs(config, random):
        _add(file, name, run, config)
    return file.text()


def _runs(
    config: AcceleratorConfig, random: RandomState
) -> list[tuple[str, tuple[_Operation, ...]]]:
    widths, tile = config.widths, config.rows_per_beat
    largest = (1 << widths.multiplier) - 1
    limit = symmetric_limit(widths.accumulator)
    kinds = tuple(_MATRICES)

    def operation(
        kind: OperationKind,
        rows: int = 2 * tile,
        sums: Int64Array | int | None = None,
        multiplier: int | None = None,
        shift: Int64Array | int | None = None,
    ) -> _Operation:
        """None: random."""
        scales = (3 if kind is OperationKind.MIX else 1, config.lanes)
        size = (_MATRICES[kind], config.lanes, rows)
        half = 1 << (widths.multiplier - 1)
        if sums is None:
            sums = random.randint(-limit, limit + 1, size, dtype=np.int64)
        if shift is None:
            shift = random.randint(widths.accumulator - 8, widths.multiplier + 8, scales)
        drawn = random.randint(half, largest + 1, scales, dtype=np.int64)
        return _Operation(
            kind,
            np.broadcast_to(np.asarray(sums, np.int64), size),
            drawn if multiplier is None else np.full(scales, multiplier, np.int64),
            np.broadcast_to(np.asarray(shift, np.int64), scales),
        )

    runs: list[tuple[str, tuple[_Operation, ...]]]
    runs = [
        (f"random_{kind.name.lower()}_{rows}_rows", (operation(kind, rows),))
        for kind in kinds
        for rows in (1, tile, 3 * tile - 1)
    ]
    program = (kinds[0], kinds[1], kinds[2], kinds[1], kinds[0], kinds[3])
    runs.append(("operations_of_a_program", tuple(operation(kind, tile + 3) for kind in program)))
    # Lanes have different shifts, so that one lane's scale for another shows.
    lanes = np.arange(config.lanes)
    runs += [
        (
            f"shift_{shift}_and_others",
            (operation(OperationKind.PROJECT, tile, shift=(shift + 7 * lanes) % 64),),
        )
        for shift in range(_MAXIMUM_SHIFT + 1)
    ]
    for kind in kinds:
        name = kind.name.lower()
        for sign, sums in (("largest", limit), ("smallest", -limit)):
            runs += [
                (f"{sign}_sums_of_{name}_saturate", (operation(kind, 1, sums, largest, 0),)),
                (f"{sign}_sums_of_{name}_vanish", (operation(kind, 1, sums, largest, 63),)),
            ]
        runs += [
            (f"zero_scales_of_{name}", (operation(kind, tile, None, 0, 0),)),
            (f"zero_sums_of_{name}", (operation(kind, tile, 0),)),
            (f"halves_of_{name}_round_up", (operation(kind, tile, _odd(tile), 1, 1),)),
        ]
        # A single matrix at a time.
        for matrix in range(_MATRICES[kind]):
            alone = np.zeros((_MATRICES[kind], config.lanes, 1), np.int64)
            alone[matrix] = limit
            runs.append(
                (f"only_matrix_{matrix}_of_{name}", (operation(kind, 1, alone, largest, 0),))
            )
    saturating = operation(OperationKind.GLU, 1, limit, largest, 0)
    harmless = operation(OperationKind.MIX, 1, 1, 1, 0)
    return [
        *runs,
        ("flags_of_every_operation_are_kept", (saturating, harmless)),
        ("flags_of_the_run_before_are_forgotten", (harmless,)),
    ]


def _odd(rows: int) -> Int64Array:
    return 2 * np.arange(rows, dtype=np.int64) - rows + 1 - rows % 2


def _consumed(
    operation: _Operation, widths: Widths, flags: SaturationFlags
) -> dict[str, list[Int64Array]]:
    """Output stream -> (lanes, rows) of every matrix, as the golden model computes them."""

    def scaled(matrix: int, width: int, signal: str) -> Int64Array:
        # Lanes are the batch; codes do not matter here.
        vector = QuantisedVector(
            np.zeros((0,), np.int64),
            operation.multiplier[matrix][:, None],
            operation.shift[matrix][:, None],
        )
        return dequantise(operation.sums[matrix], vector, width, flags, signal)

    sums, kind = operation.sums, operation.kind
    if kind is OperationKind.MIX:
        forget, candidate = (
            scaled(index, widths.preactivation, f"preactivation_{name}")
            for index, name in enumerate(("forget", "candidate"))
        )
        gate = saturate(sums[2], widths.gate_operand, flags, "gate_operand")
        return {"activations": [forget, candidate, gate]}
    if kind is OperationKind.GLU:
        gate = scaled(0, widths.preactivation, "preactivation_gate")
        return {"activations": [gate, saturate(sums[1], widths.gate_operand, flags, "up_operand")]}
    if kind is OperationKind.PROJECT:
        product = sums[0] * operation.multiplier[0][:, None]
        return {"increments": [round_half_up(product, operation.shift[0][:, None])]}
    return {"score_sums": [sums[0]], "score_logits": [scaled(0, widths.logit, "logit")]}


def _add(
    file: VectorFile, name: str, run: tuple[_Operation, ...], config: AcceleratorConfig
) -> None:
    tile, flags = config.rows_per_beat, SaturationFlags()
    words: dict[str, list[int]] = {
        key: []
        for key in ("scales", "sums", "activations", "increments", "score_sums", "score_logits")
    }
    headers, steps = [], 0
    for operation in run:
        ordered = in_element_order(operation.sums, tile, padding=0)
        tiles = ordered.shape[0] * ordered.shape[1]
        headers += [int(operation.kind), tiles]
        scales = np.stack([operation.multiplier, operation.shift], axis=-1)
        words["scales"] += scales.ravel().tolist()
        words["sums"] += ordered.ravel().tolist()
        for key, results in _consumed(operation, config.widths, flags).items():
            words[key] += in_element_order(np.stack(results), tile, padding=0).ravel().tolist()
        steps += 1 + operation.multiplier.size + ordered.size
    file.case(name)
    file.add(headers=headers, **words)
    file.add(saturated=[int(flags[signal] > 0) for signal in FLAGS], steps=steps + 1)
