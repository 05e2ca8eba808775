# SPDX-License-Identifier: Apache-2.0
"""The whole model as integer operations: one decode step for a batch of independent streams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array, SaturationFlags, round_half_up, saturate
from tritforge.language_model.config import SigmoidKind
from tritforge.language_model.golden.gated_linear_unit import gated_product
from tritforge.language_model.golden.quantiser import dequantise, quantise
from tritforge.language_model.golden.recurrence import output_gate, update_state
from tritforge.language_model.golden.ternary_array import prepare_weights, ternary_dot
from tritforge.language_model.image import Image
from tritforge.language_model.packing import unpack_matrix
from tritforge.language_model.program import Operation

#: Names of the quantisation sites of one block, in order of use, as `trace` keys them.
MIXER_SITES = ("forget", "candidate", "gate", "output")
CHANNEL_SITES = ("gate_up", "down")
HEAD_SITE = "head"

Trace = dict[str, Int64Array]


@dataclass
class State:
    """Recurrent state of a batch of streams.

    Attributes:
        hidden: (layers, batch, dim) int64, widths.activation bits: the whole context.
        flags: saturations seen so far.
    """

    hidden: Int64Array
    flags: SaturationFlags


class GoldenModel:
    """Integer decode step of an HGRNBit image; defines the result of every other execution."""

    def __init__(self, image: Image, sigmoid: SigmoidKind = SigmoidKind.TABLE) -> None:
        """
        Args:
            sigmoid: all but the usual one are options of a generated machine.
        """
        self.header = image.header
        self._sigmoid = sigmoid
        self.shape, self.widths = image.header.shape, image.header.widths
        self._embedding = image.embedding
        self._operations = image.operations()
        self._packed = image.weights()
        self._matrices: dict[int, tuple[NDArray[np.float32], ...]] = {}

    def new_state(self, batch: int = 1) -> State:
        """Zero state, which is the empty context."""
        hidden = np.zeros((self.shape.layers, batch, self.shape.dim), np.int64)
        return State(hidden, SaturationFlags())

    def step(self, state: State, tokens: NDArray[np.integer]) -> tuple[Int64Array, Int64Array]:
        """Advance every stream by one token.

        Args:
            state: updated in place.
            tokens: (batch,) ids.

        Returns:
            Head accumulators (batch, vocabulary), enough for arg max, and logits with
            widths.logit_fraction fraction bits.
        """
        residual = self.embed(state, tokens)
        for layer in range(self.shape.layers):
            residual = self.token_mixer(state, layer, residual)
            residual = self.channel_mixer(state, layer, residual)
        return self.head(state, residual)

    def embed(self, state: State, tokens: NDArray[np.integer]) -> Int64Array:
        """Embedding rows as residual: (batch, dim).

        Raises:
            IndexError: a token is outside the vocabulary.
        """
        if tokens.min() < 0:
            raise IndexError(f"token {tokens.min()} is negative")  # NumPy would wrap it
        mantissas = self._embedding[tokens].astype(np.int64)
        residual = round_half_up(mantissas, self._operations[0].input_shift)
        return saturate(residual, self.widths.residual, state.flags, "residual")

    def token_mixer(
        self,
        state: State,
        layer: int,
        residual: Int64Array,
        trace: Trace | None = None,
        forced: Trace | None = None,
    ) -> Int64Array:
        """MIX and PROJECT: gated recurrence and output projection, added to the residual.

        Args:
            trace: if given, receives the codes of every MIXER_SITES entry.
            forced: codes to go on with instead, by site, to measure a later site alone.
        """
        widths, flags = self.widths, state.flags
        index = 1 + 4 * layer
        mix, project = self._operations[index], self._operations[index + 1]
        vectors = quantise(self._operand(mix, residual, flags), mix, widths, flags)
        codes = [vector.codes for vector in vectors]
        used = codes if forced is None else [forced[site] for site in MIXER_SITES[:3]]
        sums = [
            ternary_dot(item, matrix, widths, flags)
            for item, matrix in zip(used, self._weights(index))
        ]
        forget, candidate = (
            dequantise(total, vector, widths.preactivation, flags, f"preactivation_{name}")
            for total, vector, name in zip(sums, vectors, MIXER_SITES[:2])
        )
        assert mix.lower_bound is not None
        hidden = update_state(
            state.hidden[layer], forget, candidate, mix.lower_bound, widths, flags, self._sigmoid
        )
        state.hidden[layer] = hidden
        operand = output_gate(sums[2], hidden, project.input_shift, widths, flags, self._sigmoid)
        result, output_codes = self._project(index + 1, operand, residual, flags)
        if trace is not None:
            trace.update(zip(MIXER_SITES, [*codes, output_codes]))
        return result

    def channel_mixer(
        self,
        state: State,
        layer: int,
        residual: Int64Array,
        trace: Trace | None = None,
        forced: Trace | None = None,
    ) -> Int64Array:
        """GLU and PROJECT: gated linear unit and down projection, added to the residual.

        Args:
            trace: if given, receives the codes of every CHANNEL_SITES entry.
            forced: codes to go on with instead, by site, to measure a later site alone.
        """
        widths, flags = self.widths, state.flags
        index = 3 + 4 * layer
        glu, project = self._operations[index], self._operations[index + 1]
        (vector,) = quantise(self._operand(glu, residual, flags), glu, widths, flags)
        used = vector.codes if forced is None else forced[CHANNEL_SITES[0]]
        gate_sum, up_sum = (
            ternary_dot(used, matrix, widths, flags) for matrix in self._weights(index)
        )
        gate = dequantise(gate_sum, vector, widths.preactivation, flags, "preactivation_gate")
        operand = gated_product(gate, up_sum, project.input_shift, widths, flags, self._sigmoid)
        result, codes = self._project(index + 1, operand, residual, flags)
        if trace is not None:
            trace.update(zip(CHANNEL_SITES, [vector.codes, codes]))
        return result

    def head(
        self, state: State, residual: Int64Array, trace: Trace | None = None
    ) -> tuple[Int64Array, Int64Array]:
        """HEAD: accumulators and logits of every vocabulary entry, see `step`."""
        widths, flags = self.widths, state.flags
        index = len(self._operations) - 1
        head = self._operations[index]
        (vector,) = quantise(self._operand(head, residual, flags), head, widths, flags)
        accumulators = ternary_dot(vector.codes, self._weights(index)[0], widths, flags)
        if trace is not None:
            trace[HEAD_SITE] = vector.codes
        return accumulators, dequantise(accumulators, vector, widths.logit, flags, "logit")

    def _operand(
        self, operation: Operation, residual: Int64Array, flags: SaturationFlags
    ) -> Int64Array:
        operand = round_half_up(residual, operation.input_shift)
        return saturate(operand, self.widths.operand, flags, "operand")

    def _project(
        self, index: int, operand: Int64Array, residual: Int64Array, flags: SaturationFlags
    ) -> tuple[Int64Array, Int64Array]:
        (vector,) = quantise(operand, self._operations[index], self.widths, flags)
        total = ternary_dot(vector.codes, self._weights(index)[0], self.widths, flags)
        # The product of a 21-bit sum and a 17-bit multiplier is never wider than 38 bits.
        scaled = round_half_up(total * vector.multiplier, vector.shift)
        return saturate(residual + scaled, self.widths.residual, flags, "residual"), vector.codes

    def _weights(self, index: int) -> tuple[NDArray[np.float32], ...]:
        """Matrices of an operation, unpacked at first use (four bytes per weight)."""
        if index not in self._matrices:
            operation, packed = self._operations[index], self._packed[index - 1]
            self._matrices[index] = tuple(
                prepare_weights(unpack_matrix(packed[:, j], operation.rows, operation.inputs))
                for j in range(operation.matrices)
            )
        return self._matrices[index]
