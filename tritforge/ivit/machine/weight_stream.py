# SPDX-License-Identifier: Apache-2.0
"""Weight stream of a vision transformer: everything per channel, in the order in which it is used.

A linear layer is cut into slices of the machine's feature lanes, the last one filled up with zeros:

    for every slice    two words per feature: bias and multiplier (low and high 32 bits), shift
                       for every input: the weights of its features, a byte each, in whole words
    for every norm     two words per channel: bias and multiplier, shift
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tritforge.ivit.machine.config import STREAM_BYTES, MachineConfig
from tritforge.ivit.machine.operations import OperationKind
from tritforge.ivit.machine.program import Words, records, shortened
from tritforge.ivit.parameters import (
    LayerNormParameters,
    LinearParameters,
    Requantisation,
    VisionParameters,
)


def words_of_input(feature_lanes: int) -> int:
    """Words with the weights of one input for all features of a slice."""
    return -(-feature_lanes // STREAM_BYTES)


def factor_words(bias: NDArray[np.int32], factors: Requantisation, bits: int) -> Words:
    """Two words per channel: bias and multiplier, then the shift.

    Args:
        bias: (channels,).
        factors: one per channel.
        bits: of a multiplier in the machine.

    Raises:
        ConfigurationError: a factor is too large for so many bits.
    """
    factors = shortened(factors, bits)
    words = np.zeros((len(bias), 2), np.uint64)
    low = bias.astype(np.int64).view(np.uint64) & np.uint64(0xFFFFFFFF)
    high = factors.multiplier.astype(np.int64).view(np.uint64) << np.uint64(32)
    words[:, 0] = low | high
    words[:, 1] = factors.shift
    return words.ravel()


def slice_words(linear: LinearParameters, feature_lanes: int, bits: int) -> Iterator[Words]:
    """Words of every slice of a linear layer, with multipliers of so many bits."""
    features, inputs = linear.weight.shape
    lanes = words_of_input(feature_lanes) * STREAM_BYTES
    factors = linear.requantisation
    for first in range(0, features, feature_lanes):
        here = slice(first, min(first + feature_lanes, features))
        count = here.stop - first
        bias = np.zeros(feature_lanes, np.int32)
        multiplier, shift = np.zeros_like(bias), np.zeros(feature_lanes, np.uint8)
        bias[:count] = linear.bias[here]
        multiplier[:count], shift[:count] = factors.multiplier[here], factors.shift[here]
        weights = np.zeros((inputs, lanes), np.int8)
        weights[:, :count] = linear.weight[here].T
        factor = factor_words(bias, Requantisation(multiplier, shift), bits)
        yield np.concatenate([factor, weights.view("<u8").astype(np.uint64).ravel()])


def weight_packet(parameters: VisionParameters, config: MachineConfig) -> Words:
    """The packet of the weight stream.

    Raises:
        ConfigurationError: the machine is too small for the model.
    """
    return np.concatenate([*weight_parts(parameters, config)])


def weight_parts(parameters: VisionParameters, config: MachineConfig) -> Iterator[Words]:
    """Words of the weight stream that every record of the program uses, in order; none for some.

    Raises:
        ConfigurationError: the machine is too small for the model.
    """
    config.check_model(parameters.shape, parameters.widths)
    norms = _norms(parameters)
    linears = _linears(parameters)
    for record in records(parameters):
        if record.operation.kind is OperationKind.NORM:
            norm = next(norms)
            yield factor_words(norm.bias, norm.requantisation, config.widths.gain)
        elif record.operation.has_weights:
            bits = config.widths.multiplier
            yield np.concatenate([*slice_words(next(linears), config.feature_lanes, bits)])
        else:
            yield np.zeros(0, np.uint64)


def _norms(parameters: VisionParameters) -> Iterator[LayerNormParameters]:
    for block in parameters.blocks:
        yield from (block.norm1, block.norm2)
    yield parameters.head.norm


def _linears(parameters: VisionParameters) -> Iterator[LinearParameters]:
    """Matrices in order of use; query, key and value are three."""
    dim = parameters.shape.dim
    yield parameters.patch_embedding.projection
    for block in parameters.blocks:
        for first in range(0, 3 * dim, dim):
            yield _rows(block.attention.qkv, slice(first, first + dim))
        yield from (block.attention.projection, block.mlp.fc1, block.mlp.fc2)
    yield parameters.head.classifier


def _rows(linear: LinearParameters, rows: slice) -> LinearParameters:
    factors = linear.requantisation
    return LinearParameters(
        linear.weight[rows],
        linear.bias[rows],
        Requantisation(factors.multiplier[rows], factors.shift[rows]),
    )
