# SPDX-License-Identifier: Apache-2.0
"""Vectors of the scalar unit: corner arguments in every combination, then random ones."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.random import RandomState

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.golden.scalar_unit import scalars
from tritforge.language_model.program import SCALE_EXPONENT_RANGE, scale_mantissa_range

_SEED = 3
_RANDOM_REQUESTS = 600
#: Numbers that meet the rounding and the carry of each division.
_CARRY_SEARCH = 20000


def vectors(config: AcceleratorConfig) -> str:
    """Requests and expected responses, one case per group of requests."""
    random = RandomState(_SEED)
    file = VectorFile("scalar unit: absmax, square sum and scale to root, reciprocal, multiplier")
    for name, requests in (
        ("corners", _corners(config)),
        ("random", _random(config, random, _RANDOM_REQUESTS)),
        ("rounding_carry", _carries(config, random)),
    ):
        _add(file, name, requests, config)
    return file.text()


def _corners(config: AcceleratorConfig) -> Int64Array:
    """(requests, 4): zeros, ones, powers of two and their neighbours, and the largest values."""
    absmax_limit = (1 << (config.widths.value - 1)) - 1
    square_limit = (1 << config.widths.square_sum) - 1
    absmax = (0, 1, 2, 3, 127, 128, 65535, 65536, absmax_limit - 1, absmax_limit)
    square = (0, 1, 2, 3, 4, 15, 16, (1 << 33) - 1, 1 << 33, 1 << 34, square_limit)
    largest = scale_mantissa_range(config.widths)[1]
    mantissa = (0, 1, largest // 2 + 1, largest)
    exponent = (SCALE_EXPONENT_RANGE[0], -1, 0, 20, SCALE_EXPONENT_RANGE[1])
    return np.array(list(itertools.product(absmax, square, mantissa, exponent)), np.int64)


def _log_uniform(random: RandomState, bits: int, count: int) -> Int64Array:
    """Integers from 1 to 2**bits - 1 whose bit lengths are equally likely."""
    length = random.randint(0, bits, count, dtype=np.int64).astype(np.float64)
    return np.minimum(
        (2.0**length * (1 + random.random_sample(count))).astype(np.int64), (1 << bits) - 1
    )


def _random(config: AcceleratorConfig, random: RandomState, count: int) -> Int64Array:
    low, high = SCALE_EXPONENT_RANGE
    return np.stack(
        [
            _log_uniform(random, config.widths.value - 1, count),
            _log_uniform(random, config.widths.square_sum, count),
            _log_uniform(random, scale_mantissa_range(config.widths)[1].bit_length(), count),
            random.randint(low // 4, high // 2, count, dtype=np.int64),
        ],
        axis=1,
    )


def _carries(config: AcceleratorConfig, random: RandomState) -> Int64Array:
    """Requests whose multiplier is the smallest mantissa: most come from a rounding carry."""
    requests = _random(config, random, _CARRY_SEARCH)
    multiplier = _responses(requests, config)[:, 4]
    return requests[multiplier <= (1 << (config.widths.multiplier - 1)) + 1]


def _responses(requests: Int64Array, config: AcceleratorConfig) -> Int64Array:
    """(requests, 7): root, root exponent, reciprocal, its exponent, multiplier, shift, flag."""
    absmax, square_sum, mantissa, exponent = requests.T
    answers = scalars(absmax, square_sum, mantissa, exponent, config.widths)
    return np.stack(answers, axis=1)


def _add(file: VectorFile, name: str, requests: Int64Array, config: AcceleratorConfig) -> None:
    file.case(name)
    file.add(count=len(requests), requests=requests)
    file.expect(responses=_responses(requests, config))
