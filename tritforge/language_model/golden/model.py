# SPDX-License-Identifier: Apache-2.0
"""The whole model as integer operations: one decode step for a batch of independent streams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array
from tritforge.language_model.config import SigmoidKind
from tritforge.language_model.golden.bit_linear import BitLinearResult, bit_linear
from tritforge.language_model.golden.element_unit import ElementUnit
from tritforge.language_model.golden.headers import ElementHeader
from tritforge.language_model.golden.ternary_array import prepare_weights
from tritforge.language_model.golden.vector_unit import VectorUnit
from tritforge.language_model.image import Image
from tritforge.language_model.packing import unpack_matrix
from tritforge.language_model.signals import SaturationFlags

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
        self._fraction = image.header.residual_fraction
        self._operations = image.operations()
        self._packed = image.weights()
        self._matrices: dict[int, tuple[NDArray[np.float32], ...]] = {}

    def state_fraction(self, layer: int) -> int:
        """Fraction bits of a layer's recurrent state."""
        shift = self._operations[1 + 4 * layer].shifts.others - self.widths.narrowing
        return self.widths.sigmoid_argument_fraction + shift

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
        residual = self.layers(state, self.embed(tokens), range(self.shape.layers))
        return self.head(state, residual)

    def layers(self, state: State, residual: Int64Array, layers: range) -> Int64Array:
        """Advance every stream through some consecutive layers.

        Args:
            state: updated in place.
            residual: (batch, dim), before the first of them.

        Returns:
            The residual (batch, dim) after the last one.
        """
        for layer in layers:
            residual = self.token_mixer(state, layer, residual)
            residual = self.channel_mixer(state, layer, residual)
        return residual

    def embed(self, tokens: NDArray[np.integer]) -> Int64Array:
        """Embedding rows as residual: (batch, dim).

        Raises:
            IndexError: a token is outside the vocabulary.
        """
        if tokens.min() < 0:
            raise IndexError(f"token {tokens.min()} is negative")  # NumPy would wrap it
        return self._embedding.residuals(tokens, self._fraction)

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
        return self._block(state, 1 + 4 * layer, residual, MIXER_SITES, trace, forced)

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
        return self._block(state, 3 + 4 * layer, residual, CHANNEL_SITES, trace, forced)

    def head(
        self, state: State, residual: Int64Array, trace: Trace | None = None
    ) -> tuple[Int64Array, Int64Array]:
        """HEAD: accumulators and logits of every vocabulary entry, see `step`."""
        index = len(self._operations) - 1
        vectors = VectorUnit(self.widths, state.flags, residual)
        result = self._operation(index, vectors, vectors.residual, state.flags)
        if trace is not None:
            trace[HEAD_SITE] = result.codes[0]
        accumulators, logits = result.dequantised.scores
        return accumulators, logits

    def forget_weights(self) -> None:
        """Give back the memory of matrices unpacked so far, which are unpacked again when used."""
        self._matrices.clear()

    def _block(
        self,
        state: State,
        index: int,
        residual: Int64Array,
        sites: tuple[str, ...],
        trace: Trace | None,
        forced: Trace | None,
    ) -> Int64Array:
        """Two operations from `index`: MIX or GLU, then the PROJECT of its gated product."""
        flags, first = state.flags, self._operations[index]
        vectors = VectorUnit(self.widths, flags, residual)
        # A memory that holds this layer alone, one state for every stream of the batch.
        memory = state.hidden[first.layer]
        elements = ElementUnit(memory, self.widths, flags, self._sigmoid)
        injected = None if forced is None else [forced[site] for site in sites[:-1]]
        gated = self._operation(index, vectors, vectors.residual, flags, injected)
        header = ElementHeader(first.kind, first.rows, *first.shifts)
        products = elements.operate(header, gated.dequantised.activations, first.lower_bound)
        projected = self._operation(index + 1, vectors, products, flags)
        vectors.add(projected.dequantised.increments[0])
        if trace is not None:
            trace.update(zip(sites, [*gated.codes, *projected.codes]))
        return vectors.residual

    def _operation(
        self,
        index: int,
        vectors: VectorUnit,
        values: Int64Array,
        flags: SaturationFlags,
        forced: list[Int64Array] | None = None,
    ) -> BitLinearResult:
        """Quantise residuals or gated products and multiply them by an operation's matrices."""
        operation = self._operations[index]
        operand = vectors.operand_of(values, operation.input_shift)
        return bit_linear(operand, operation, self._weights(index), self.widths, flags, forced)

    def _weights(self, index: int) -> tuple[NDArray[np.float32], ...]:
        """Matrices of an operation, unpacked at first use (four bytes per weight)."""
        if index not in self._matrices:
            operation, packed = self._operations[index], self._packed[index - 1]
            self._matrices[index] = tuple(
                prepare_weights(unpack_matrix(packed[:, j], operation.rows, operation.inputs))
                for j in range(operation.matrices)
            )
        return self._matrices[index]
