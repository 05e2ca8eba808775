# SPDX-License-Identifier: Apache-2.0
"""Vectors of the requantisation: sums of the array, biases and factors to integers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.requantise import requantise
from tritforge.ivit.machine.config import MachineConfig
from tritforge.ivit.parameters import LARGEST_SHIFT, Requantisation

_SEED = 32


@dataclass(frozen=True)
class _Case:
    """One operation.

    Attributes:
        sums: (slices, groups, features, tokens) int64; features behind the last one are noise.
        last_features: features of the last slice.
        factors: (bias, multiplier, shift) of every feature, each (slices, features); or of one.
    """

    name: str
    sums: Int64Array
    last_features: int
    width: str
    per_feature: bool
    bias: Int64Array
    multiplier: Int64Array
    shift: Int64Array


def vectors(config: MachineConfig) -> str:
    """Every width of the results, with and without factors per feature; then corners."""
    file = VectorFile("requantise: sums, biases and factors to integers")
    codes = {"activation": 0, "residual": 1, "logit": 2}
    bits = {
        "activation": config.widths.activation,
        "residual": config.widths.residual,
        "logit": config.result_bits,
    }
    for case in _cases(config, RandomState(_SEED)):
        slices, groups, features, _ = case.sums.shape
        file.case(case.name)
        file.add(slices=slices, last_features=case.last_features, groups=groups)
        file.add(width=codes[case.width], per_feature=int(case.per_feature))
        file.add(bias=case.bias, multiplier=case.multiplier, shift=case.shift)
        file.add(sums=case.sums)
        results = []
        for index in range(slices):
            # One slice: (groups, tokens, features), the channels last.
            sums = case.sums[index].transpose(0, 2, 1) + case.bias[index]
            factors = Requantisation(case.multiplier[index], case.shift[index].astype(np.uint8))
            used = features if index + 1 < slices else case.last_features
            result = requantise(sums, factors, bits[case.width])[..., :used]
            results.append(result.transpose(0, 2, 1).ravel())
        file.expect(results=np.concatenate(results))
    return file.text()


def _cases(config: MachineConfig, random: RandomState) -> Iterator[_Case]:
    features, tokens = config.feature_lanes, config.token_lanes
    limit = 1 << (config.accumulator_bits - 1)
    room = (1 << (config.result_bits - 1)) - limit
    largest = (1 << config.widths.multiplier) - 1

    def case(
        name: str,
        slices: int,
        groups: int,
        last: int,
        width: str,
        per_feature: bool,
        shifts: tuple[int, int],
        multipliers: tuple[int, int] = (0, largest),
        reach: int = limit,
    ) -> _Case:
        factors = (slices, features) if per_feature else (slices, 1)
        bias = np.zeros(factors, np.int64)
        if per_feature:
            reach_of_bias = min(room, reach)
            bias = random.randint(-reach_of_bias + 1, reach_of_bias, factors, dtype=np.int64)
        multiplier = random.randint(multipliers[0], multipliers[1] + 1, factors, dtype=np.int64)
        shift = random.randint(shifts[0], shifts[1] + 1, factors, dtype=np.int64)
        if not per_feature:
            multiplier[:], shift[:] = multiplier[0], shift[0]
        sums = random.randint(-reach, reach, (slices, groups, features, tokens), dtype=np.int64)
        return _Case(name, sums, last, width, per_feature, bias, multiplier, shift)

    usual = config.widths.multiplier + config.accumulator_bits - config.widths.activation - 1
    for width in ("activation", "residual", "logit"):
        for per_feature in (True, False):
            kind = "per_feature" if per_feature else "for_all"
            for slices, groups, last in ((1, 1, features), (2, 2, 1), (3, 1, features - 1 or 1)):
                slices = min(slices, config.maximum_slices)
                groups = min(groups, config.token_groups)
                name = f"{width}_{kind}_{slices}_slices_{groups}_groups_{last}_features"
                yield case(name, slices, groups, last, width, per_feature, (usual - 4, usual + 1))
    # The reach of the sums keeps the products near the clamp and near ties.
    for shift in (0, 1, 2, usual, LARGEST_SHIFT - 1, LARGEST_SHIFT):
        name = f"shift_{shift}"
        yield case(name, 1, 1, features, "residual", True, (shift, shift), reach=min(limit, 64))
    for shift in (0, 1, 2, 5):
        yield case(f"ties_{shift}", 1, 1, features, "logit", True, (shift, shift), (1, 1), 128)
    yield case("largest_numbers", 1, 1, features, "logit", True, (30, 34), (largest, largest))
    yield case("zero_multiplier", 1, 1, features, "activation", True, (0, 63), (0, 0))
