# SPDX-License-Identifier: Apache-2.0
"""Words of a run of one accelerator on one model image (docs/machine.md).

The layouts are those of `tritforge.language_model.wire`; here they meet a configuration and an
image.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from pynq_driver.devices.device import Words
from pynq_driver.language_model.fit import check_fit
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.image import Image
from tritforge.language_model.packing import row_tiles
from tritforge.language_model.program import operation_shapes
from tritforge.language_model.wire.command import Command
from tritforge.language_model.wire.input_packet import encode_input
from tritforge.language_model.wire.output_packet import Scoreboard, decode_output, output_words
from tritforge.language_model.wire.weight_packets import split_beats
from tritforge.language_model.wire.words import WORD


class MachineWords:
    """Words for one accelerator and one model image."""

    def __init__(self, config: AcceleratorConfig, image: Image) -> None:
        """
        Raises:
            ConfigurationError: the accelerator cannot run the image.
        """
        check_fit(config, image)
        self._image = image
        self.lanes, self.ports = config.lanes, config.ports
        self._rows_per_beat = config.rows_per_beat
        self.shape = image.header.shape

    def model(self) -> dict[str, Words]:
        """Input stream -> words of what is the same in every run: weights and parameters.

        They are read-only, so that a device may keep them.
        """
        ports = {f"weights_{port}": words for port, words in enumerate(self._weight_ports())}
        parameters = np.ascontiguousarray(self._image.parameter_stream).view(WORD)
        words = {name: item.view() for name, item in {**ports, "parameters": parameters}.items()}
        for item in words.values():
            item.flags.writeable = False
        return words

    def _weight_ports(self) -> tuple[Words, ...]:
        """The weight section cut into one packet for every port.

        An image packed for another number of ports is put into the accelerator's order first.
        """
        rows = [item.rows for item in operation_shapes(self.shape) if item.matrices]
        operations = [
            _retile(packed, count, self._rows_per_beat)
            for packed, count in zip(self._image.weights(), rows)
        ]
        beats = np.concatenate([packed.reshape(-1, self._rows_per_beat) for packed in operations])
        return split_beats(beats, self.ports)

    def input(self, tokens: Sequence[int]) -> Words:
        """Embedding rows of one token per lane; lanes beyond `tokens` get zeros.

        Raises:
            IndexError: a token is outside the vocabulary.
        """
        if tokens and min(tokens) < 0:
            raise IndexError(f"token {min(tokens)} is negative")  # NumPy would wrap it
        residuals = np.zeros((self.lanes, self.shape.dim), np.int64)
        if tokens:
            fraction = self._image.header.residual_fraction
            rows = self._image.embedding.residuals(np.array(tokens), fraction)
            residuals[: len(tokens)] = rows
        return encode_input(residuals, self._rows_per_beat)

    def command(
        self,
        *,
        prefill: bool,
        all_logits: bool,
        fresh: Collection[int] = (),
        hold: Collection[int] = (),
    ) -> int:
        """Command word.

        Args:
            prefill: the lanes are consecutive tokens of one stream.
            all_logits: send every logit, not only the best ones.
            fresh: lanes that start from the empty context (`prefill`: only lane 0 counts).
            hold: lanes that leave the context as it is, because they carry no token.
        """
        masks = (sum(1 << lane for lane in set(lanes)) for lanes in (fresh, hold))
        return Command(int(prefill), int(all_logits), *masks).to_word(self.lanes)

    def output_words(self, all_logits: bool) -> int:
        """Words of the output packet of a run that goes well."""
        return output_words(self.lanes, self.shape.vocabulary, all_logits)

    def scoreboard(self, words: Words, all_logits: bool) -> Scoreboard:
        """Decode an output packet.

        Raises:
            TritforgeError: its length is not the expected one.
        """
        return decode_output(
            words, self.lanes, self.shape.vocabulary, self._rows_per_beat, all_logits
        )


def _retile(packed: NDArray[np.uint8], rows: int, rows_per_beat: int) -> NDArray[np.uint8]:
    """One operation's weights (tiles, matrices, beats, rows per beat) with other tiles.

    A byte holds five columns of one row, so only the order of whole bytes changes.
    """
    tiles, matrices, beats, given = packed.shape
    if given == rows_per_beat:
        return packed
    bytes_of_row = packed.transpose(1, 0, 3, 2).reshape(matrices, tiles * given, beats)
    wanted = row_tiles(rows, rows_per_beat)
    padded = np.zeros((matrices, wanted * rows_per_beat, beats), np.uint8)
    padded[:, :rows] = bytes_of_row[:, :rows]
    return padded.reshape(matrices, wanted, rows_per_beat, beats).transpose(1, 0, 3, 2)
