# SPDX-License-Identifier: Apache-2.0
"""How faithful the integer model is to the float reference, on the same tokens.

Two views: the codes of each quantisation site with the reference's own values injected before it
(so that rounding flips do not compound), and the free-running model's next-token choices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array
from tritforge.language_model.float_parameters import FloatArray
from tritforge.language_model.golden.model import GoldenModel, State, Trace
from tritforge.language_model.reference import FloatModel, FloatState, FloatTrace
from tritforge.language_model.signals import SaturationFlags

Progress = Callable[[int, int], None]


class Isolation(Enum):
    """Where the reference's values replace the integer model's own before codes are compared.

    BLOCK: residual and state before each token mixer and each channel mixer; a flipped code can
    still move codes of the next site inside the block. SITE: in addition the codes themselves, so
    that every site is measured alone.
    """

    BLOCK = "block"
    SITE = "site"


@dataclass
class CodeAgreement:
    """Activation codes of one quantisation site, integer against float.

    Attributes:
        codes: codes compared.
        different: codes that differ.
        off_by_more_than_one: codes that differ by two or more.
    """

    codes: int = 0
    different: int = 0
    off_by_more_than_one: int = 0

    @property
    def share_equal(self) -> float:
        """Share of equal codes."""
        return 1 - self.different / self.codes

    def add(self, integer: Int64Array, reference: FloatArray) -> None:
        """Count one comparison of two code arrays of the same shape."""
        distance = np.abs(integer - reference)
        self.codes += distance.size
        self.different += int(np.count_nonzero(distance))
        self.off_by_more_than_one += int(np.count_nonzero(distance > 1))


@dataclass
class Fidelity:
    """Result of `measure_fidelity`.

    Attributes:
        tokens: predicted tokens.
        reference_nats, integer_nats: cross-entropy per token.
        greedy_agreement: share of positions with the same most likely next token.
        sites: code agreement by site name.
        saturations: signals that saturated in the free-running integer model.
    """

    tokens: int = 0
    reference_nats: float = 0.0
    integer_nats: float = 0.0
    greedy_agreement: float = 0.0
    sites: dict[str, CodeAgreement] = field(default_factory=lambda: defaultdict(CodeAgreement))
    saturations: SaturationFlags = field(default_factory=SaturationFlags)


def measure_fidelity(
    golden: GoldenModel,
    reference: FloatModel,
    documents: Sequence[Sequence[int]],
    isolation: Isolation = Isolation.BLOCK,
    batch: int = 64,
    progress: Progress | None = None,
) -> Fidelity:
    """Run both models over token sequences, each from the empty context.

    Args:
        documents: token ids of each document, begin and end token included.
        isolation: how far the reference's values are injected, see Isolation.
        batch: documents advanced together.
        progress: called with (tokens done, tokens in total).
    """
    result = Fidelity()
    ordered = sorted(documents, key=len)
    total = sum(len(item) - 1 for item in ordered)
    for start in range(0, len(ordered), batch):
        _measure_batch(golden, reference, ordered[start : start + batch], isolation, result)
        if progress is not None:
            progress(result.tokens, total)
    for name in ("reference_nats", "integer_nats", "greedy_agreement"):
        setattr(result, name, getattr(result, name) / result.tokens)
    return result


def _measure_batch(
    golden: GoldenModel,
    reference: FloatModel,
    documents: Sequence[Sequence[int]],
    isolation: Isolation,
    result: Fidelity,
) -> None:
    """Add the sums of one batch to `result`."""
    free, local = golden.new_state(len(documents)), golden.new_state(len(documents))
    float_state = reference.new_state(len(documents))
    scale = 2.0**-golden.widths.logit_fraction
    for position in range(max(map(len, documents)) - 1):
        active = np.array([position + 1 < len(item) for item in documents])
        # Streams that have ended go on with token 0; they are left out of every count.
        pairs = [(*item[position : position + 2], 0, 0)[:2] for item in documents]
        tokens, following = np.array(pairs).T
        accumulators, logits = golden.step(free, tokens)
        local_step = _LocalStep(golden, reference, local, float_state, active, isolation, result)
        expected = local_step.run(tokens)
        result.tokens += int(active.sum())
        result.reference_nats += _nats(expected, following)[active].sum()
        result.integer_nats += _nats(logits.astype(np.float64) * scale, following)[active].sum()
        same = accumulators.argmax(-1) == expected.argmax(-1)
        result.greedy_agreement += int(same[active].sum())
    result.saturations.update(free.flags)


@dataclass(frozen=True)
class _LocalStep:
    """One float step; every block is also run in integers from the float model's values."""

    golden: GoldenModel
    reference: FloatModel
    state: State
    float_state: FloatState
    active: NDArray[np.bool_]
    isolation: Isolation
    result: Fidelity

    def run(self, tokens: NDArray[np.integer]) -> FloatArray:
        """Compare the codes of all sites; returns the reference's logits."""
        fraction = self.golden.header.residual_fraction
        reference, state = self.reference, self.state
        residual = reference.embed(tokens)
        for layer in range(self.golden.shape.layers):
            state.hidden[layer] = _fixed(
                self.float_state.hidden[layer], self.golden.state_fraction(layer)
            )
            integer_residual, expected = _fixed(residual, fraction), FloatTrace()
            residual = reference.token_mixer(self.float_state, layer, residual, expected)
            self._compare(self.golden.token_mixer, layer, integer_residual, expected)
            integer_residual, expected = _fixed(residual, fraction), FloatTrace()
            residual = reference.channel_mixer(layer, residual, expected)
            self._compare(self.golden.channel_mixer, layer, integer_residual, expected)
        trace, expected = Trace(), FloatTrace()
        self.golden.head(state, _fixed(residual, fraction), trace)
        logits = reference.head(residual, expected)
        self._count(trace, expected)
        return logits

    def _compare(
        self,
        block: Callable[[State, int, Int64Array, Trace, Trace | None], Int64Array],
        layer: int,
        residual: Int64Array,
        expected: FloatTrace,
    ) -> None:
        trace, forced = Trace(), None
        if self.isolation is Isolation.SITE:
            forced = {site: codes.astype(np.int64) for site, codes in expected.items()}
        block(self.state, layer, residual, trace, forced)
        self._count(trace, expected)

    def _count(self, trace: Trace, expected: FloatTrace) -> None:
        for site, codes in trace.items():
            self.result.sites[site].add(codes[self.active], expected[site][self.active])


def _fixed(values: FloatArray, fraction: int) -> Int64Array:
    return np.floor(values * 2.0**fraction + 0.5).astype(np.int64)


def _nats(logits: FloatArray, tokens: NDArray[np.integer]) -> FloatArray:
    top = logits.max(-1, keepdims=True)
    normaliser = np.log(np.exp(logits - top).sum(-1)) + top[:, 0]
    return normaliser - logits[np.arange(len(tokens)), tokens]
