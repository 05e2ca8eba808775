# SPDX-License-Identifier: Apache-2.0
"""Float64 reference of the paper's equations, in upstream's order of operations.

Source: arXiv 2406.02528, sections 3.2 and 3.3, and `mmfreelm/models/hgrn_bit` and
`mmfreelm/ops/fusedbitnet.py` of ridgerchu/matmulfreellm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import TritforgeError
from tritforge.language_model.config import ModelShape
from tritforge.language_model.float_parameters import (
    USUAL_EPSILONS,
    Epsilons,
    FloatArray,
    FloatOperation,
    decode_float_section,
)
from tritforge.language_model.golden.model import CHANNEL_SITES, HEAD_SITE, MIXER_SITES
from tritforge.language_model.image import Image
from tritforge.language_model.packing import unpack_matrix
from tritforge.language_model.program import operation_shapes

ABSMAX_FLOOR = 1e-5
CODE_MAXIMUM = 127.0

FloatTrace = dict[str, FloatArray]
Matrices = tuple[tuple[NDArray[np.float32], ...], ...]
FloatModelParts = tuple[ModelShape, FloatArray, tuple[FloatOperation, ...], Matrices, Epsilons]


def sigmoid(x: FloatArray) -> FloatArray:
    """Logistic function, without overflow."""
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))


def silu(x: FloatArray) -> FloatArray:
    """x * sigmoid(x)."""
    return x * sigmoid(x)


def rms_norm(x: FloatArray, gain: FloatArray | None, epsilon: float) -> FloatArray:
    """x / sqrt(mean of x * x + epsilon) * gain over the last axis; 0 for x = 0."""
    square = (x * x).mean(-1, keepdims=True) + epsilon
    y = x / np.sqrt(np.where(square == 0, 1, square))
    return y if gain is None else y * gain


def quantise(v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Absmax int8 codes (as floats) and the step of one code, per vector."""
    step = np.maximum(np.abs(v).max(-1, keepdims=True), ABSMAX_FLOOR) / CODE_MAXIMUM
    return np.clip(np.round(v / step), -128, 127), step


@dataclass
class FloatState:
    """Recurrent state: hidden (layers, batch, dim) float64."""

    hidden: FloatArray


class FloatModel:
    """Float64 decode step; same block structure as `GoldenModel`."""

    def __init__(
        self,
        shape: ModelShape,
        embedding: FloatArray,
        operations: tuple[FloatOperation, ...],
        matrices: Matrices,
        epsilons: Epsilons = USUAL_EPSILONS,
    ) -> None:
        """
        Args:
            embedding: (vocabulary, dim).
            operations: gains and scales, in program order without EMBED.
            matrices: per operation its ternary matrices (K, rows) float32, in stream order.
            epsilons: of the norms.
        """
        self._epsilons = epsilons
        self.shape = shape
        self._embedding = embedding
        self._operations = operations
        self._matrices = matrices

    @classmethod
    def from_image(cls, image: Image) -> FloatModel:
        """Reference of an image converted with its float section.

        Raises:
            TritforgeError: the image has none.
        """
        if image.float_values is None:
            raise TritforgeError(
                f"{image.path} has no float section: convert the model with --keep-float to run "
                "the float reference on it"
            )
        shape = image.header.shape
        items = [item for item in operation_shapes(shape) if item.matrices]
        matrices = tuple(
            tuple(
                np.ascontiguousarray(
                    unpack_matrix(packed[:, j], item.rows, item.inputs).T, np.float32
                )
                for j in range(item.matrices)
            )
            for item, packed in zip(items, image.weights())
        )
        embedding = image.embedding.values(slice(None))
        operations = decode_float_section(image.float_values, shape)
        return cls(shape, embedding, operations, matrices, image.header.epsilons)

    @property
    def parts(self) -> FloatModelParts:
        """What a model of another arithmetic is made from: the arguments of the constructor."""
        return (
            self.shape,
            self._embedding,
            self._operations,
            self._matrices,
            self._epsilons,
        )

    def new_state(self, batch: int = 1) -> FloatState:
        """Zero state."""
        return FloatState(np.zeros((self.shape.layers, batch, self.shape.dim)))

    def step(self, state: FloatState, tokens: NDArray[np.integer]) -> FloatArray:
        """Advance every stream by one token; returns logits (batch, vocabulary)."""
        residual = self.embed(tokens)
        for layer in range(self.shape.layers):
            residual = self.token_mixer(state, layer, residual)
            residual = self.channel_mixer(layer, residual)
        return self.head(residual)

    def embed(self, tokens: NDArray[np.integer]) -> FloatArray:
        """Embedding rows (batch, dim)."""
        return self._embedding[tokens]

    def token_mixer(
        self, state: FloatState, layer: int, residual: FloatArray, trace: FloatTrace | None = None
    ) -> FloatArray:
        """HGRNBitAttention with its norm and residual connection."""
        trace = {} if trace is None else trace
        mix, project = self._operations[4 * layer], self._operations[4 * layer + 1]
        normed = rms_norm(residual, mix.norm_gain, self._epsilons.norm)
        forget, candidate, gate = (
            self._bit_linear(normed, 4 * layer, output, output, trace, site)
            for output, site in enumerate(MIXER_SITES[:3])
        )
        assert mix.lower_bound is not None
        f = mix.lower_bound + (1 - mix.lower_bound) * sigmoid(forget)
        state.hidden[layer] = f * state.hidden[layer] + (1 - f) * silu(candidate)
        gated = rms_norm(gate, project.norm_gain, self._epsilons.norm) * silu(state.hidden[layer])
        return residual + self._bit_linear(gated, 4 * layer + 1, 0, 0, trace, MIXER_SITES[3])

    def channel_mixer(
        self, layer: int, residual: FloatArray, trace: FloatTrace | None = None
    ) -> FloatArray:
        """HGRNBitMLP with its norm and residual connection."""
        trace = {} if trace is None else trace
        index = 4 * layer + 2
        normed = rms_norm(residual, self._operations[index].norm_gain, self._epsilons.norm)
        gate, up = (
            self._bit_linear(normed, index, 0, matrix, trace, CHANNEL_SITES[0])
            for matrix in range(2)
        )
        return residual + self._bit_linear(
            silu(gate) * up, index + 1, 0, 0, trace, CHANNEL_SITES[1]
        )

    def head(self, residual: FloatArray, trace: FloatTrace | None = None) -> FloatArray:
        """Final norm and language-model head: logits (batch, vocabulary)."""
        trace = {} if trace is None else trace
        index = len(self._operations) - 1
        normed = rms_norm(residual, self._operations[index].norm_gain, self._epsilons.norm)
        return self._bit_linear(normed, index, 0, 0, trace, HEAD_SITE)

    def _bit_linear(
        self,
        x: FloatArray,
        operation: int,
        output: int,
        matrix: int,
        trace: FloatTrace,
        site: str,
    ) -> FloatArray:
        """RMSNorm, absmax int8 quantisation and ternary product (section 3.2)."""
        parameters = self._operations[operation]
        codes, step = quantise(rms_norm(x, parameters.own_gains[output], self._epsilons.linear))
        trace[site] = codes
        # Exact: partial sums of codes stay below 2**24.
        product = (codes.astype(np.float32) @ self._matrices[operation][matrix]).astype(np.float64)
        return product * (parameters.weight_scales[output] * step)
