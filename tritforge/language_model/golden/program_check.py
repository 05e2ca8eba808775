# SPDX-License-Identifier: Apache-2.0
"""Program check: whether a record of the parameter stream may stand where it does.

Order: EMBED; for every layer MIX, PROJECT, GLU, PROJECT; HEAD (docs/image-format.md). A record that
is wrong in several ways is refused for the first of: what it is, where it stands, its sizes, its
other fields.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tritforge.error_code import ErrorCode
from tritforge.language_model.config import (
    DIM_RANGE,
    GLU_RANGE,
    VOCABULARY_RANGE,
    AcceleratorConfig,
)
from tritforge.language_model.program import (
    RECORD_MAGIC,
    SCALE_EXPONENT_RANGE,
    SHIFT_RANGE,
    OperationKind,
    OperationShape,
    operation_shapes,
    scale_mantissa_range,
    shift_ranges,
    square_offset_range,
)

_LAYER = (OperationKind.MIX, OperationKind.PROJECT, OperationKind.GLU, OperationKind.PROJECT)


class ProgramCheck:
    """The records of one run so far."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        # Every kind of operation has its numbers of outputs and matrices in all models and layers.
        one_layer = dataclasses.replace(config.shape, layers=1)
        self._kinds = {item.kind: item for item in operation_shapes(one_layer)}
        self._accepted = 0
        self._dim = self._tokens = 0
        self._glu_width: int | None = None

    def first_error(self, record: np.void) -> ErrorCode:
        """Why the next record is refused, or NONE.

        Args:
            record: one RECORD_HEADER.
        """
        if record["magic"] != RECORD_MAGIC or int(record["kind"]) not in list(OperationKind):
            return ErrorCode.UNKNOWN_OPERATION
        kind = OperationKind(int(record["kind"]))
        if (kind, int(record["layer"])) not in self._allowed():
            return ErrorCode.OPERATION_OUT_OF_ORDER
        if not self._sizes_fit(kind, int(record["inputs"]), int(record["rows"])):
            return ErrorCode.SHAPE_TOO_LARGE
        return ErrorCode.NONE if self._fields_fit(kind, record) else ErrorCode.INVALID_FIELD

    def accept(self, record: np.void) -> None:
        """Count a record without error in."""
        kind = OperationKind(int(record["kind"]))
        if kind is OperationKind.EMBED:
            self._dim, self._tokens = int(record["inputs"]), int(record["rows"])
        elif kind is OperationKind.GLU:
            self._glu_width = int(record["rows"])
        self._accepted += 1

    def _allowed(self) -> list[tuple[OperationKind, int]]:
        """Kinds and layers that may come next."""
        if not self._accepted:
            return [(OperationKind.EMBED, 0)]
        layer, place = divmod(self._accepted - 1, len(_LAYER))
        allowed = [(_LAYER[place], layer)]
        if place == 0 and layer > 0:
            allowed.append((OperationKind.HEAD, 0))
        return allowed

    def _sizes_fit(self, kind: OperationKind, inputs: int, rows: int) -> bool:
        largest = self._config.shape
        if kind is OperationKind.EMBED:
            fits_dim = DIM_RANGE[0] <= inputs <= largest.dim
            return fits_dim and VOCABULARY_RANGE[0] <= rows <= largest.vocabulary
        if kind is OperationKind.GLU:
            widths = range(GLU_RANGE[0], largest.glu_width + 1)
            fits = rows in widths if self._glu_width is None else rows == self._glu_width
            return fits and inputs == self._dim
        layer, place = divmod(self._accepted - 1, len(_LAYER))
        if kind is OperationKind.HEAD:
            return (inputs, rows) == (self._dim, self._tokens)
        if kind is OperationKind.MIX and layer >= largest.layers:
            return False
        is_down = place == len(_LAYER) - 1
        return (inputs, rows) == (self._glu_width if is_down else self._dim, self._dim)

    def _fields_fit(self, kind: OperationKind, record: np.void) -> bool:
        usual = self._kinds[kind]
        outputs, norm = usual.outputs, int(record["has_norm_gain"])
        # The down projection has no norm gain, and the payload's size says which one a PROJECT is.
        norms = (0, 1) if kind is OperationKind.PROJECT else (int(usual.has_norm_gain),)
        if norm not in norms:
            return False
        shape = OperationShape(
            kind, 0, int(record["inputs"]), 0, usual.matrices, outputs, bool(norm)
        )
        widths, limits_of_shifts = self._config.widths, shift_ranges(kind, self._config.widths)
        limits = {
            "outputs": (outputs, outputs),
            "matrices": (usual.matrices, usual.matrices),
            "payload_bytes": (shape.payload_bytes, shape.payload_bytes),
            "input_shift": SHIFT_RANGE,
            "square_shift": SHIFT_RANGE,
            "square_offset": square_offset_range(widths),
            **limits_of_shifts,
        }
        of_output = {
            "value_shift": SHIFT_RANGE,
            "scale_mantissa": scale_mantissa_range(widths),
            "scale_exponent": SCALE_EXPONENT_RANGE,
        }
        return _within(record, limits) and all(
            _within(output, of_output) for output in record["output"][:outputs]
        )


def _within(record: np.void, limits: dict[str, tuple[int, int]]) -> bool:
    return all(low <= int(record[name]) <= high for name, (low, high) in limits.items())
