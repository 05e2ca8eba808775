# SPDX-License-Identifier: Apache-2.0
"""Calibration: one float pass over sample text, layer by layer, to find the range of each signal.

The blocks need all layers of one token, but layer l of all tokens needs only layer l - 1 of all
tokens, so every weight matrix is used once, right when it is packed, and never again.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import CheckpointError, ConfigurationError, ImageError
from tritforge.language_model.float_parameters import FloatArray, FloatOperation
from tritforge.language_model.reference import quantise, rms_norm, sigmoid, silu
from tritforge.language_model.tokenizer import encode_text, load_tokenizer

SEQUENCE_TOKENS = 64
MAXIMUM_SEQUENCES = 8
_ROWS_AT_A_TIME = 1024


def default_calibration_text() -> str:
    """The sample text that ships with the converter."""
    file = resources.files("tritforge.language_model.convert").joinpath("calibration_text.txt")
    return file.read_text(encoding="utf-8")


def calibration_tokens(
    tokenizer: bytes, begin_token: int, vocabulary: int, text: str
) -> NDArray[np.int64]:
    """Token sequences (sequences, tokens), each from the begin token; at most 8 of 64 tokens.

    Raises:
        CheckpointError: the tokenizer fails, makes nothing of the text, or gives an id outside the
            vocabulary.
    """
    try:
        ids = encode_text(load_tokenizer(tokenizer), text, vocabulary)
    except (ImageError, ConfigurationError) as error:
        raise CheckpointError(
            f"tokenizer.json: {error} (vocab_size in config.json is {vocabulary})"
        ) from None
    if not ids:
        raise CheckpointError(
            "tokenizer.json gives no token for the calibration text: use the tokenizer that the "
            "model was trained with, or give another text"
        )
    step = SEQUENCE_TOKENS - 1
    pieces = [ids[start : start + step] for start in range(0, len(ids), step)]
    full = [piece for piece in pieces if len(piece) == step] or pieces[:1]
    return np.array([[begin_token, *piece] for piece in full[:MAXIMUM_SEQUENCES]], np.int64)


@dataclass(frozen=True)
class TernaryLinear:
    """Ternary weights (rows, K) int8 of one BitLinear."""

    trits: NDArray[np.int8]

    def __call__(self, codes: FloatArray) -> FloatArray:
        """Raw accumulators (..., rows) of codes (..., K).

        A block of rows at a time, so that no float copy of the whole matrix exists.
        """
        small = codes.astype(np.float32)
        blocks = [
            small @ self.trits[row : row + _ROWS_AT_A_TIME].T.astype(np.float32)
            for row in range(0, len(self.trits), _ROWS_AT_A_TIME)
        ]
        return np.concatenate(blocks, axis=-1).astype(np.float64)


def largest(values: FloatArray) -> float:
    """Absolute maximum."""
    return float(np.abs(values).max(initial=0.0))


class CalibrationPass:
    """Activations of every calibration token, advanced operation by operation.

    Attributes:
        residual: (sequences, tokens, dim) float64, the residual stream so far.
    """

    def __init__(self, embedded: FloatArray) -> None:
        self.residual = embedded

    def token_mixer(self, operation: FloatOperation, linears: list[TernaryLinear]) -> FloatArray:
        """MIX of all tokens: raw gate accumulator times SiLU of the state."""
        assert operation.lower_bound is not None
        normed = rms_norm(self.residual, operation.norm_gain)
        sums, steps = [], []
        for own_gain, linear in zip(operation.own_gains, linears):
            codes, step = quantise(rms_norm(normed, own_gain))
            sums.append(linear(codes))
            steps.append(step)
        forget, candidate = (sums[k] * (operation.weight_scales[k] * steps[k]) for k in range(2))
        f = operation.lower_bound + (1 - operation.lower_bound) * sigmoid(forget)
        update = (1 - f) * silu(candidate)
        hidden = np.zeros_like(update[:, 0])
        product = sums[2]
        for token in range(update.shape[1]):
            hidden = f[:, token] * hidden + update[:, token]
            product[:, token] *= silu(hidden)
        return product

    def gated_linear_unit(self, operation: FloatOperation, linear: TernaryLinear) -> FloatArray:
        """Gated product of all tokens: raw up accumulator times SiLU of the gate."""
        normed = rms_norm(self.residual, operation.norm_gain)
        codes, step = quantise(rms_norm(normed, operation.own_gains[0]))
        gate, up = np.split(linear(codes), 2, axis=-1)
        return up * silu(gate * (operation.weight_scales[0] * step))

    def project(
        self, operation: FloatOperation, product: FloatArray, linear: TernaryLinear
    ) -> None:
        """Output or down projection of a gated product, added to the residual."""
        normed = rms_norm(product, operation.norm_gain)
        codes, step = quantise(rms_norm(normed, operation.own_gains[0]))
        self.residual = self.residual + linear(codes) * (operation.weight_scales[0] * step)
