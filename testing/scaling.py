# SPDX-License-Identifier: Apache-2.0
"""Runs of the scaling comparison (benchmarks.train_scaling), and the power law through them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Run:
    """One model trained.

    Attributes:
        parameters: weights of blocks and head, without embedding.
        nats_per_token, bits_per_character: of the held-out text.
        seconds: of the training.
    """

    architecture: str
    dim: int
    layers: int
    learning_rate: float
    parameters: int
    tokens: int
    nats_per_token: float
    bits_per_character: float
    seconds: float

    @property
    def key(self) -> tuple[str, int, int, float]:
        """What tells runs of one call apart."""
        return self.architecture, self.dim, self.layers, self.learning_rate


def best_of(runs: list[Run], architecture: str) -> list[Run]:
    """The run with the lowest loss of each size, by parameters."""
    best: dict[tuple[int, int], Run] = {}
    for run in runs:
        size = run.dim, run.layers
        if run.architecture == architecture and (
            size not in best or run.nats_per_token < best[size].nats_per_token
        ):
            best[size] = run
    return sorted(best.values(), key=lambda run: run.parameters)


def power_law(runs: list[Run]) -> tuple[float, float]:
    """(a, b) of loss = a * parameters ** -b, least squares of the logarithms."""
    parameters = np.log([run.parameters for run in runs])
    slope, offset = np.polyfit(parameters, np.log([run.nats_per_token for run in runs]), 1)
    return float(np.exp(offset)), float(-slope)
