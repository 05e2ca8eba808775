# SPDX-License-Identifier: Apache-2.0
"""Vectors of the dequantiser: sums and scales of whole operations to what the consumers get."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array, symmetric_limit
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.golden.dequantiser import SIGNALS, Scale, dequantise
from tritforge.language_model.golden.timing import dequantiser_steps
from tritforge.language_model.program import OperationKind
from tritforge.language_model.signals import SaturationFlags
from tritforge.language_model.wire.element_order import in_element_order

_SEED = 5
_MAXIMUM_SHIFT = 63
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


def _add(
    file: VectorFile, name: str, run: tuple[_Operation, ...], config: AcceleratorConfig
) -> None:
    tile, flags = config.rows_per_beat, SaturationFlags()
    stimuli: dict[str, list[int]] = {"scales": [], "sums": []}
    expected: dict[str, list[int]] = {
        key: [] for key in ("activations", "increments", "score_sums", "score_logits")
    }
    headers = []
    for operation in run:
        ordered = in_element_order(operation.sums, tile)
        headers += [int(operation.kind), ordered.shape[0] * ordered.shape[1]]
        scales = np.stack([operation.multiplier, operation.shift], axis=-1)
        stimuli["scales"] += scales.ravel().tolist()
        stimuli["sums"] += ordered.ravel().tolist()
        scale_of = zip(operation.multiplier[..., None], operation.shift[..., None])
        result = dequantise(
            operation.kind,
            operation.sums,
            [Scale(*pair) for pair in scale_of],
            config.widths,
            flags,
        )
        for key, values in (
            ("activations", result.activations),
            ("increments", result.increments),
            ("score_sums", result.scores[:1]),
            ("score_logits", result.scores[1:]),
        ):
            expected[key] += in_element_order(values, tile).ravel().tolist()
    shapes = [(len(item.multiplier), len(item.sums), item.sums.shape[-1]) for item in run]
    file.case(name)
    file.add(headers=headers, **stimuli)
    file.expect(**expected, saturated=flags.bits(SIGNALS), steps=dequantiser_steps(shapes, config))
