# SPDX-License-Identifier: Apache-2.0
"""Packets of one image: patches and positions, as the machine's memories take them.

Both come group by group of token lanes; token 0 has a patch of zeros. A word has the numbers of
`result_lanes` tokens: a byte each for patches, 32 bits each and as many words as that needs for
positions.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.patch_embedding import patches_of
from tritforge.ivit.machine.config import STREAM_BYTES, MachineConfig
from tritforge.ivit.machine.program import Words, program_packet
from tritforge.ivit.machine.weight_stream import weight_packet
from tritforge.ivit.parameters import VisionParameters
from tritforge.ivit.shape import VisionShape

_CONSTANT_BYTES = 4


@dataclass(frozen=True)
class ImagePackets:
    """The packets of one image, one for each input stream of the machine."""

    program: Words
    weights: Words
    positions: Words
    patches: Words

    def streams(self) -> dict[str, Words]:
        """Input stream -> words."""
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}


class PacketMaker:
    """Packets of a model for one machine; all but the patches are made once."""

    def __init__(self, parameters: VisionParameters, config: MachineConfig) -> None:
        """
        Raises:
            ConfigurationError: the machine is too small for the model, or has other widths.
        """
        config.check_parameters(parameters)
        self._parameters, self._config = parameters, config
        self._model = (
            program_packet(parameters),
            weight_packet(parameters, config),
            position_packet(parameters, config),
        )

    def image(self, activations: Int64Array) -> ImagePackets:
        """All packets of one image.

        Args:
            activations: (image_size, image_size, channels) int64 of widths.activation bits.
        """
        patches = patch_packet(activations, self._parameters.shape, self._config)
        return ImagePackets(*self._model, patches)


def patch_packet(activations: Int64Array, shape: VisionShape, config: MachineConfig) -> Words:
    """Patches of one image: group by group, input by input, `result_lanes` tokens per word.

    Args:
        activations: (image_size, image_size, channels) int64 of widths.activation bits.
    """
    tokens = np.zeros((_padded(shape.tokens, config), shape.patch_inputs), np.int8)
    tokens[1 : shape.tokens] = patches_of(activations[np.newaxis], shape)[0]
    words = np.zeros((tokens.size // config.result_lanes, STREAM_BYTES), np.int8)
    grouped = tokens.reshape(-1, config.token_lanes, shape.patch_inputs).transpose(0, 2, 1)
    words[:, : config.result_lanes] = grouped.reshape(-1, config.result_lanes)
    return words.view("<u8").astype(np.uint64).ravel()


def position_packet(parameters: VisionParameters, config: MachineConfig) -> Words:
    """Positions of all tokens in the order in which the patches leave the array.

    Slice by slice of feature lanes, group by group, feature by feature, `result_lanes` tokens in
    whole words.
    """
    shape, lanes = parameters.shape, config.feature_lanes
    constants = np.zeros((_padded(shape.tokens, config), shape.dim), np.int32)
    constants[: shape.tokens] = parameters.patch_embedding.constant
    grouped = constants.reshape(-1, config.token_lanes, shape.dim)
    ordered = np.concatenate(
        [
            grouped[:, :, first : first + lanes].transpose(0, 2, 1).reshape(-1, config.result_lanes)
            for first in range(0, shape.dim, lanes)
        ]
    )
    numbers = STREAM_BYTES // _CONSTANT_BYTES
    padded = -(-config.result_lanes // numbers) * numbers
    words = np.zeros((len(ordered), padded), np.int32)
    words[:, : config.result_lanes] = ordered
    return words.view("<u8").astype(np.uint64).ravel()


def _padded(tokens: int, config: MachineConfig) -> int:
    return -(-tokens // config.token_lanes) * config.token_lanes
