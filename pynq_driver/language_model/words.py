# SPDX-License-Identifier: Apache-2.0
"""Words of a run: command, packets of the streams, results (docs/machine.md).

Vectors travel in element order: for each tile of rows_per_beat elements, for each lane, the
elements of the tile. A vector is filled up with zeros to whole tiles.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pynq_driver.devices.device import Words
from pynq_driver.language_model.fit import check_fit
from tritforge.errors import TritforgeError
from tritforge.language_model.config import BYTES_PER_PORT, TOP_K, AcceleratorConfig
from tritforge.language_model.image import Image
from tritforge.language_model.packing import row_tiles
from tritforge.language_model.program import operation_shapes

_WORD = np.dtype("<u8")
_INPUT_MANTISSA = np.dtype("<i2")
#: Token of an entry that does not exist because the vocabulary is smaller than TOP_K.
NO_TOKEN = 0xFFFFFFFF


@dataclass(frozen=True)
class Scoreboard:
    """An output packet, decoded.

    Attributes:
        logits, accumulators: (lanes, vocabulary) int64, or None if the run did not send them.
        best_tokens: (lanes, TOP_K) ids, best first; NO_TOKEN where the vocabulary has no more.
        best_logits: (lanes, TOP_K) int64.
    """

    logits: NDArray[np.int64] | None
    accumulators: NDArray[np.int64] | None
    best_tokens: NDArray[np.int64]
    best_logits: NDArray[np.int64]


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
        self._tiles = row_tiles(self.shape.dim, self._rows_per_beat)

    def model(self) -> dict[str, Words]:
        """Input stream -> words of what is the same in every run: weights and parameters."""
        ports = {f"weights_{port}": words for port, words in enumerate(self._weight_ports())}
        parameters = np.ascontiguousarray(self._image.parameter_stream).view(_WORD)
        return {**ports, "parameters": parameters}

    def _weight_ports(self) -> tuple[Words, ...]:
        """The weight section in one packet per port: port p gets bytes 8p to 8p + 7 of a beat.

        An image packed for another number of ports is put into the accelerator's order first.
        """
        rows = [item.rows for item in operation_shapes(self.shape) if item.matrices]
        operations = [
            _retile(packed, count, self._rows_per_beat)
            for packed, count in zip(self._image.weights(), rows)
        ]
        beats = np.concatenate([packed.reshape(-1, self._rows_per_beat) for packed in operations])
        ports = beats.reshape(len(beats), self.ports, BYTES_PER_PORT)
        return tuple(
            np.ascontiguousarray(ports[:, port]).view(_WORD).reshape(-1)
            for port in range(self.ports)
        )

    def input(self, tokens: Sequence[int]) -> Words:
        """Embedding rows of one token per lane; lanes beyond `tokens` get zeros.

        Raises:
            IndexError: a token is outside the vocabulary.
        """
        if tokens and min(tokens) < 0:
            raise IndexError(f"token {min(tokens)} is negative")  # NumPy would wrap it
        rows = np.zeros((self.lanes, self._tiles * self._rows_per_beat), _INPUT_MANTISSA)
        rows[: len(tokens), : self.shape.dim] = self._image.embedding[list(tokens)]
        tiles = rows.reshape(self.lanes, self._tiles, self._rows_per_beat).transpose(1, 0, 2)
        return np.ascontiguousarray(tiles).reshape(-1).view(_WORD)

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
        flags = [prefill, all_logits]
        flags += [lane in fresh for lane in range(self.lanes)]
        flags += [lane in hold for lane in range(self.lanes)]
        return sum(int(flag) << bit for bit, flag in enumerate(flags))

    def output_words(self, all_logits: bool) -> int:
        """Words of the output packet of a run that goes well."""
        every = self.shape.vocabulary if all_logits else 0
        return self.lanes * (every + TOP_K)

    def scoreboard(self, words: Words, all_logits: bool) -> Scoreboard:
        """Decode an output packet.

        Raises:
            TritforgeError: its length is not the expected one.
        """
        expected = self.output_words(all_logits)
        if words.size != expected:
            raise TritforgeError(
                f"the machine sent {words.size} output words instead of {expected}: "
                "the library or overlay does not fit this driver, build it again"
            )
        split = words.size - self.lanes * TOP_K
        logits = accumulators = None
        if all_logits:
            elements = self._in_lane_order(words[:split])
            logits, accumulators = _low(elements), _high(elements)
        best = words[split:].reshape(self.lanes, TOP_K)
        tokens = (best >> np.uint64(32)).astype(np.int64)
        return Scoreboard(logits, accumulators, tokens, _low(best))

    def _in_lane_order(self, words: Words) -> Words:
        """(lanes, vocabulary) from element order; rows beyond the vocabulary are not sent."""
        whole = self.shape.vocabulary // self._rows_per_beat * self._rows_per_beat
        tiles = words[: self.lanes * whole].reshape(-1, self.lanes, self._rows_per_beat)
        front = tiles.transpose(1, 0, 2).reshape(self.lanes, whole)
        back = words[self.lanes * whole :].reshape(self.lanes, -1)
        return np.concatenate([front, back], axis=1)


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


def _low(words: Words) -> NDArray[np.int64]:
    return words.astype(np.uint32).view(np.int32).astype(np.int64)


def _high(words: Words) -> NDArray[np.int64]:
    return _low(words >> np.uint64(32))
