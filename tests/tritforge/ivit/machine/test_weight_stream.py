# SPDX-License-Identifier: Apache-2.0
"""Weight stream: its length, and that every weight is in it once."""

from __future__ import annotations

import numpy as np

from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from tritforge.ivit.golden.weight_buffer import channel_factors, slice_weights
from tritforge.ivit.machine.config import machine_for
from tritforge.ivit.machine.operations import OperationKind, operations
from tritforge.ivit.machine.weight_stream import slice_words, weight_packet, words_of_input

PARAMETERS = RandomModel(SMALL_SHAPE).parameters


def test_length_follows_from_the_operations() -> None:
    config = machine_for(SMALL_SHAPE, token_lanes=4, feature_lanes=10, result_lanes=2, elements=2)
    words = 0
    for operation in operations(SMALL_SHAPE):
        if operation.kind is OperationKind.NORM:
            words += 2 * operation.features
        elif operation.has_weights:
            slices = -(-operation.features // 10)
            words += slices * (2 * 10 + operation.inputs * words_of_input(10))
    assert len(weight_packet(PARAMETERS, config)) == words


def test_slices_hold_the_layer_and_zeros() -> None:
    linear = PARAMETERS.blocks[1].mlp.fc1
    features, inputs = linear.weight.shape
    lanes = 6
    found = list(slice_words(linear, lanes, 31))
    assert len(found) == -(-features // lanes)
    factors = np.concatenate([channel_factors(words[: 2 * lanes]) for words in found])
    weights = np.concatenate(
        [slice_weights(words[2 * lanes :], inputs, lanes).T for words in found]
    )
    assert np.array_equal(weights[:features], linear.weight)
    assert np.array_equal(factors[:features, 0], linear.bias)
    assert np.array_equal(factors[:features, 1], linear.requantisation.multiplier)
    assert np.array_equal(factors[:features, 2], linear.requantisation.shift)
    assert not weights[features:].any() and not factors[features:].any()
