# SPDX-License-Identifier: Apache-2.0
"""Vectors of the residual add: embeddings, branches, and the tokens that come out."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.residual_add import residual_add
from tritforge.ivit.machine.config import MachineConfig
from tritforge.ivit.parameters import LARGEST_SHIFT, Requantisation, ResidualParameters

_SEED = 33
#: Factor 1.
_UNCHANGED = (1, 0)


def vectors(config: MachineConfig) -> str:
    """Groups that are full and not, slices that are full and not, factors of every size."""
    random, lanes = RandomState(_SEED), config.token_lanes
    file = VectorFile("residual add: embedding, two branches, then all tokens")
    features = [1, config.feature_lanes - 1, config.feature_lanes, config.feature_lanes + 1]
    sizes = [
        (tokens, count)
        for tokens in (1, lanes - 1, lanes, lanes + 1, 2 * lanes + 1)
        for count in features
    ]
    sizes = [
        size
        for size in dict.fromkeys(sizes)
        if 1 <= size[0] <= config.tokens and 1 <= size[1] <= config.dim
    ]
    bits = config.widths.multiplier
    usual = ((1 << bits) - 1, bits)
    for tokens, count in sizes:
        factors = [usual, *((_factor(config, random)) for _ in range(4))]
        _case(file, f"{tokens}_tokens_of_{count}", tokens, count, factors, config, random)
    tokens, count = min(config.tokens, lanes + 1), min(config.dim, 2 * config.feature_lanes)
    for shift in (0, 1, 2, LARGEST_SHIFT):
        factors = [((1 << bits) - 1 if shift > 2 else 1, shift)] * 5
        _case(file, f"shift_{shift}", tokens, count, factors, config, random)
    half = [(1, 1)] * 5
    _case(file, "halves_are_rounded_each_for_itself", tokens, count, half, config, random, 4)
    _case(file, "whole_width", tokens, config.dim, [usual] * 5, config, random)
    return file.text()


def _factor(config: MachineConfig, random: RandomState) -> tuple[int, int]:
    bits = config.widths.multiplier
    low = min(bits, LARGEST_SHIFT - 2)
    return int(random.randint(1, 1 << bits, dtype=np.int64)), int(random.randint(low, low + 3))


def _factors(pair: tuple[int, int]) -> Requantisation:
    return Requantisation(np.array([pair[0]], np.int64), np.array([pair[1]], np.uint8))


def _case(
    file: VectorFile,
    name: str,
    tokens: int,
    count: int,
    factors: list[tuple[int, int]],
    config: MachineConfig,
    random: RandomState,
    reach: int | None = None,
) -> None:
    """An embedding and two branches; `factors` are that of the patches, then pairs.

    Args:
        reach: largest magnitude of what is added; default: that of the widths.
    """
    padded = -(-tokens // config.token_lanes) * config.token_lanes
    half = reach or 1 << (config.widths.residual - 1)
    wide = reach or 1 << (config.identity_bits - 1)
    constants = random.randint(-wide, wide, (padded, count), dtype=np.int64)
    branches = random.randint(-half, half, (3, padded, count), dtype=np.int64)
    patches = branches[0].copy()
    patches[0] = 0
    pairs = [(factors[0], _UNCHANGED), (factors[1], factors[2]), (factors[3], factors[4])]
    stream = constants
    for branch, pair in zip((patches, branches[1], branches[2]), pairs):
        parameters = ResidualParameters(_factors(pair[0]), _factors(pair[1]))
        stream = residual_add(branch, stream, parameters, config.widths.residual)
    file.case(name)
    file.add(tokens=tokens, features=count, factors=np.array(pairs))
    file.add(branches=np.stack([_in_order(item, config) for item in branches]))
    file.add(constants=_in_order(constants, config))
    file.expect(elements=stream[:tokens])


def _in_order(values: Int64Array, config: MachineConfig) -> Int64Array:
    """(tokens, features) in the order of the array's words: slices, groups, features, tokens."""
    lanes, slices = config.token_lanes, range(0, values.shape[1], config.feature_lanes)
    grouped = values.reshape(-1, lanes, values.shape[1])
    return np.concatenate(
        [
            grouped[:, :, first : first + config.feature_lanes].transpose(0, 2, 1).ravel()
            for first in slices
        ]
    )
