# SPDX-License-Identifier: Apache-2.0
"""Calibration: one float pass over sample text, layer by layer, to find the range of each signal.

The blocks need all layers of one token, but layer l of all tokens needs only layer l - 1 of all
tokens, so every weight matrix is used once, right when it is packed, and never again.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import CheckpointError, ConfigurationError, ImageError
from tritforge.language_model.float_parameters import Epsilons, FloatArray, FloatOperation
from tritforge.language_model.reference import quantise, sigmoid, silu
from tritforge.language_model.tokenizer import encode_text, load_tokenizer

SEQUENCE_TOKENS = 64
#: Fewer different tokens than this, or than this share of a small vocabulary, show too little.
LEAST_DIFFERENT_TOKENS = 16
LEAST_SHARE_OF_VOCABULARY = 0.05
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


def shows_too_little(tokens: NDArray[np.int64], vocabulary: int) -> bool:
    """Whether the text, begin tokens apart, has too few different tokens to show any range."""
    wanted = min(LEAST_DIFFERENT_TOKENS, max(2, int(vocabulary * LEAST_SHARE_OF_VOCABULARY)))
    return len(np.unique(tokens[:, 1:])) < wanted


def random_tokens(begin_token: int, vocabulary: int, seed: int = 0) -> NDArray[np.int64]:
    """Random tokens of the vocabulary (MAXIMUM_SEQUENCES, SEQUENCE_TOKENS), each sequence from the
    begin token."""
    random = np.random.default_rng(seed)
    tokens = random.integers(0, vocabulary, (MAXIMUM_SEQUENCES, SEQUENCE_TOKENS))
    tokens[:, 0] = begin_token
    return tokens


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


class GatedProduct(NamedTuple):
    """Input of a projection, as the machine has it.

    Attributes:
        raw: (sequences, tokens, K) raw sums times an activation.
        factor: (sequences, tokens, 1) what makes the true product of it.
    """

    raw: FloatArray
    factor: FloatArray


@dataclass
class SiteRanges:
    """What the calibration text shows of one operation: largest magnitudes.

    Attributes:
        input: residual, or raw product.
        square_operand: u, the input times the norm's gain.
        values: v of every output, u times the output's own gain.
        multipliers: of every output, what one unit of a sum is worth.
        results: of every output, and of the operation's last matrix if its sums stay raw.
        constant_epsilon: what the epsilons of the norms add to the sum of u * u.
        proportional_epsilon: further, as a share of that sum.
    """

    input: float
    square_operand: float
    values: tuple[float, ...]
    multipliers: tuple[float, ...]
    results: tuple[float, ...]
    constant_epsilon: float
    proportional_epsilon: float


class CalibrationPass:
    """Activations of every calibration token, advanced operation by operation.

    Attributes:
        residual: (sequences, tokens, dim) float64, the residual stream so far.
        ranges: what was seen of every operation so far.
    """

    def __init__(self, embedded: FloatArray, epsilons: Epsilons) -> None:
        """
        Args:
            epsilons: of the norms.
        """
        self.residual = embedded
        self.ranges: list[SiteRanges] = []
        self._epsilons = epsilons

    def token_mixer(self, operation: FloatOperation, linears: list[TernaryLinear]) -> GatedProduct:
        """MIX of all tokens: raw gate accumulator times SiLU of the state."""
        assert operation.lower_bound is not None
        site = self._of_residual(operation)
        sums, scales = zip(*(site.linear(k, linear) for k, linear in enumerate(linears)))
        forget, candidate = (sums[k] * scales[k] for k in range(2))
        site.finish(forget, candidate, sums[2])
        f = operation.lower_bound + (1 - operation.lower_bound) * sigmoid(forget)
        update = (1 - f) * silu(candidate)
        hidden = np.zeros_like(update[:, 0])
        product = sums[2].copy()
        for token in range(update.shape[1]):
            hidden = f[:, token] * hidden + update[:, token]
            product[:, token] *= silu(hidden)
        mean = (sums[2] * sums[2]).mean(-1, keepdims=True) * scales[2] ** 2
        return GatedProduct(product, scales[2] * _reciprocal(np.sqrt(mean + self._epsilons.norm)))

    def gated_linear_unit(self, operation: FloatOperation, linear: TernaryLinear) -> GatedProduct:
        """Gated product of all tokens: raw up accumulator times SiLU of the gate."""
        site = self._of_residual(operation)
        sums, scale = site.linear(0, linear)
        gate, up = np.split(sums, 2, axis=-1)
        gate = gate * scale
        site.finish(gate, up)
        return GatedProduct(up * silu(gate), scale)

    def project(
        self, operation: FloatOperation, product: GatedProduct, linear: TernaryLinear
    ) -> None:
        """Output or down projection of a gated product, added to the residual."""
        u = product.raw if operation.norm_gain is None else product.raw * operation.norm_gain
        # The true product is `factor` times the raw one, so its epsilon counts less or more.
        epsilon = self._epsilons.linear * _reciprocal(product.factor) ** 2
        square = _mean_square(u)
        # The recurrence grows beyond the text, so a share of its squares would grow with it.
        is_recurrent = operation.norm_gain is not None
        fit = (
            (0.0, _median_where(epsilon, square > 0))
            if is_recurrent
            else (fit_epsilon(square.ravel(), epsilon.ravel()))
        )
        site = _Site(self, operation, product.raw, u, epsilon, fit)
        sums, scale = site.linear(0, linear)
        increment = sums * scale
        site.finish(increment)
        self.residual = self.residual + increment

    def head(self, operation: FloatOperation, linear: TernaryLinear, positions: int) -> FloatArray:
        """Logits (sequences, positions, vocabulary) of the first positions of every sequence."""
        site = self._of_residual(operation)
        logits, scale = site.linear(0, linear, positions)
        logits *= scale  # in place: there is one number for every token of the vocabulary
        site.finish(logits)
        return logits

    def _of_residual(self, operation: FloatOperation) -> _Site:
        assert operation.norm_gain is not None
        x = self.residual
        u = x * operation.norm_gain
        # The inner norm sees u / rms(x): its epsilon counts as that of u times the square of it.
        proportional = self._epsilons.linear * _mean_square(x)
        constant = self._epsilons.linear * self._epsilons.norm
        square = _mean_square(u)
        share = _median_where(proportional * _reciprocal(square), square > 0)
        return _Site(self, operation, x, u, proportional + constant, (share, constant))


class _Site:
    """Quantisation site of one operation."""

    def __init__(
        self,
        owner: CalibrationPass,
        operation: FloatOperation,
        source: FloatArray,
        u: FloatArray,
        epsilon: FloatArray,
        fit: tuple[float, float],
    ) -> None:
        """
        Args:
            source: (sequences, tokens, K) input.
            u: the same with the norm's gain.
            epsilon: (sequences, tokens, 1) epsilon beside the mean of u * u.
            fit: share of that mean, and constant, that stand for it in the image.
        """
        self._owner, self._operation, self._u = owner, operation, u
        self._inverse_rms = _reciprocal(np.sqrt(_mean_square(u) + epsilon))
        self._values: list[float] = []
        self._multipliers: list[float] = []
        self._epsilons = fit[1] * u.shape[-1], fit[0]
        self._input, self._square_operand = largest(source), largest(u)

    def linear(
        self, output: int, linear: TernaryLinear, positions: int | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Raw sums of one output's BitLinear for the first positions, and what a unit is worth."""
        v = self._u * self._operation.own_gains[output]
        codes, step = quantise(v * self._inverse_rms)
        scale = self._operation.weight_scales[output] * step
        self._values.append(largest(v))
        self._multipliers.append(largest(scale))
        return linear(codes[:, :positions]), scale[:, :positions]

    def finish(self, *results: FloatArray) -> None:
        """Keep the ranges."""
        self._owner.ranges.append(
            SiteRanges(
                self._input,
                self._square_operand,
                tuple(self._values),
                tuple(self._multipliers),
                tuple(map(largest, results)),
                *self._epsilons,
            )
        )


def fit_epsilon(squares: FloatArray, epsilons: FloatArray) -> tuple[float, float]:
    """Share and constant, neither negative, with share * square + constant ~ epsilon.

    Least squares of the error relative to square + epsilon, of which a scale is made.

    Args:
        squares: (vectors,) means of squares; vectors of zeros do not count.
        epsilons: (vectors,) what the norms add to them.
    """
    present = squares > 0
    if not present.any():
        return 0.0, 0.0
    squares, epsilons = squares[present], epsilons[present]
    weights = 1 / (squares + epsilons)
    a, b, target = squares * weights, weights, epsilons * weights
    candidates = [(float(a @ target / (a @ a)), 0.0), (0.0, float(b @ target / (b @ b)))]
    share, constant = np.linalg.lstsq(np.stack([a, b], 1), target, rcond=None)[0].tolist()
    if share >= 0 and constant >= 0:
        candidates.append((share, constant))
    return min(candidates, key=lambda fit: float(np.square(fit[0] * a + fit[1] * b - target).sum()))


def _mean_square(values: FloatArray) -> FloatArray:
    return (values * values).mean(-1, keepdims=True)


def _median_where(values: FloatArray, present: NDArray[np.bool_]) -> float:
    return float(np.median(values[present])) if present.any() else 0.0


def _reciprocal(values: FloatArray) -> FloatArray:
    """1 / values, 0 where they are 0."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values != 0)
