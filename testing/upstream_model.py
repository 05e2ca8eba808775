# SPDX-License-Identifier: Apache-2.0
"""The model of a checkpoint in other floating-point types: what upstream itself gives with them.

Norms, codes and the recurrence are computed in float32 inside and stored in the chosen type between
the modules, as upstream's fused kernels do; products accumulate in float32.

Source: `mmfreelm/ops/fusedbitnet.py`, `mmfreelm/modules` and `mmfreelm/layers/hgrn_bit.py` of
ridgerchu/matmulfreellm.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.language_model.float_parameters import FloatArray
from tritforge.language_model.reference import (
    FloatModel,
    FloatState,
    FloatTrace,
    quantise,
    rms_norm,
    sigmoid,
    silu,
)


class Storage(str, Enum):
    """Type of the values between the modules."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"

    def __str__(self) -> str:
        return str(self.value)


def stored(values: NDArray[Any], storage: Storage) -> NDArray[Any]:
    """Values as that type holds them, in float32."""
    single = values.astype(np.float32)
    if storage is Storage.FLOAT16:
        return single.astype(np.float16).astype(np.float32)
    if storage is Storage.BFLOAT16:
        # To nearest, halves to even.
        bits = single.view(np.uint32)
        bits = bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))
        return (bits & np.uint32(0xFFFF0000)).view(np.float32)
    return single


class UpstreamModel(FloatModel):
    """Decode step in float32, with values kept in a chosen type between the modules."""

    def __init__(self, source: FloatModel, storage: Storage) -> None:
        """
        Args:
            source: float64 model of the checkpoint.
        """
        super().__init__(*source.parts)
        self._storage = storage

    def step(self, state: FloatState, tokens: NDArray[np.integer]) -> FloatArray:
        """Advance every stream by one token; returns logits (batch, vocabulary) float64."""
        return super().step(state, tokens).astype(np.float64)

    def embed(self, tokens: NDArray[np.integer]) -> FloatArray:
        """Embedding rows (batch, dim)."""
        return self._stored(super().embed(tokens))

    def token_mixer(
        self, state: FloatState, layer: int, residual: FloatArray, trace: FloatTrace | None = None
    ) -> FloatArray:
        """HGRNBitAttention with its norm and residual connection; the trace stays empty."""
        mix, project = self._operations[4 * layer], self._operations[4 * layer + 1]
        assert mix.lower_bound is not None and project.norm_gain is not None
        normed = self._norm(residual, mix.norm_gain)
        forget, candidate, gate = (
            self._linear(normed, 4 * layer, output, output) for output in range(3)
        )
        bound = self._stored(mix.lower_bound)
        f = self._stored(bound + self._stored(1 - bound) * self._stored(sigmoid(forget)))
        new = self._stored(silu(candidate) * (1 - f))
        hidden = f * state.hidden[layer].astype(np.float32) + new
        state.hidden[layer] = hidden
        gated = self._stored(
            rms_norm(gate, self._stored(project.norm_gain), self._epsilon)
            * silu(self._stored(hidden))
        )
        return self._stored(residual + self._linear(gated, 4 * layer + 1, 0, 0))

    def channel_mixer(
        self, layer: int, residual: FloatArray, trace: FloatTrace | None = None
    ) -> FloatArray:
        """HGRNBitMLP with its norm and residual connection; the trace stays empty."""
        index = 4 * layer + 2
        normed = self._norm(residual, self._operations[index].norm_gain)
        gate, up = (self._linear(normed, index, 0, matrix) for matrix in range(2))
        product = self._stored(silu(gate) * up)
        return self._stored(residual + self._linear(product, index + 1, 0, 0))

    def head(self, residual: FloatArray, trace: FloatTrace | None = None) -> FloatArray:
        """Final norm and language-model head; the trace stays empty."""
        index = len(self._operations) - 1
        return self._linear(self._norm(residual, self._operations[index].norm_gain), index, 0, 0)

    def _norm(self, x: FloatArray, gain: FloatArray | None) -> FloatArray:
        assert gain is not None
        return self._stored(rms_norm(x, self._stored(gain), self._epsilon))

    def _linear(self, x: FloatArray, operation: int, output: int, matrix: int) -> FloatArray:
        parameters = self._operations[operation]
        gain = self._stored(parameters.own_gains[output])
        codes, step = quantise(rms_norm(x, gain, np.float32(self._epsilons.linear)))
        weights = self._matrices[operation][matrix]
        scale = np.float32(parameters.weight_scales[output])
        return self._stored((self._stored(codes * step) @ weights) * scale)

    @property
    def _epsilon(self) -> Any:
        return np.float32(self._epsilons.norm)

    def _stored(self, values: NDArray[Any]) -> Any:
        return stored(values, self._storage)


class UnquantisedModel(FloatModel):
    """Decode step without codes: what int8 activations approximate. Products in float32."""

    def __init__(self, source: FloatModel) -> None:
        """
        Args:
            source: float64 model of the checkpoint.
        """
        super().__init__(*source.parts)

    def _bit_linear(
        self,
        x: FloatArray,
        operation: int,
        output: int,
        matrix: int,
        trace: FloatTrace,
        site: str,
    ) -> FloatArray:
        parameters = self._operations[operation]
        normed = rms_norm(x, parameters.own_gains[output], self._epsilons.linear)
        product = normed.astype(np.float32) @ self._matrices[operation][matrix]
        return product.astype(np.float64) * parameters.weight_scales[output]
