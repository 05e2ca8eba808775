# SPDX-License-Identifier: Apache-2.0
"""A device that takes the machine's words and runs the golden model: the driver's test double."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from pynq_driver.devices.device import Run, RunResult
from pynq_driver.language_model.words import NO_TOKEN
from tritforge.errors import ImageError
from tritforge.fixed_point import SaturationFlags, round_half_up, saturate
from tritforge.language_model.config import TOP_K, AcceleratorConfig
from tritforge.language_model.control_registers import SATURATION_SIGNALS, ErrorCode
from tritforge.language_model.golden import GoldenModel, State
from tritforge.language_model.image import Image

Int64Array = NDArray[np.int64]


class GoldenDevice:
    """Reads every word by the document, none through the driver's own encoder.

    Attributes:
        runs: commands so far.
    """

    def __init__(self, config: AcceleratorConfig, image: Image) -> None:
        """
        Args:
            image: only its header is used; the weights come through the ports.
        """
        self.fingerprint = config.fingerprint()
        self.runs: list[int] = []
        self.closed = False
        # Unpacking is slow, so it is done again only for other words.
        self._model_words: tuple[NDArray[np.uint64], ...] | None = None
        self._config = config
        header = dataclasses.replace(image.header, rows_per_beat=config.rows_per_beat)
        self._image = dataclasses.replace(image, header=header)
        states = config.states or config.lanes
        self._hidden = np.full((states, header.shape.layers, header.shape.dim), 12345)

    def run(self, run: Run) -> RunResult:
        """Run one token per lane through the golden model."""
        self.runs.append(run.command)
        lanes = self._config.lanes
        assert run.command >> (2 + 2 * lanes) == 0
        prefill, all_logits = run.command & 1, run.command >> 1 & 1
        fresh, hold = (
            [run.command >> (start + lane) & 1 for lane in range(lanes)] for start in (2, 2 + lanes)
        )
        try:
            model = self._model(run)
        except ImageError:
            return RunResult(np.zeros(1, np.uint64), int(ErrorCode.UNKNOWN_OPERATION))
        flags = SaturationFlags()
        packets = []
        for lane, mantissas in enumerate(self._lanes_of(run.input)):
            number = 0 if prefill else lane
            if fresh[lane] and not (prefill and lane):
                self._hidden[number] = 0
            state = State(self._hidden[number][:, None].copy(), flags)
            packets.append(self._step(model, state, mantissas))
            if not hold[lane]:
                self._hidden[number] = state.hidden[:, 0]
        bits = [flags[name] > 0 for name in SATURATION_SIGNALS]
        result = sum(int(bit) << 8 + index for index, bit in enumerate(bits))
        return RunResult(self._output(packets, bool(all_logits)), result, {"cycles": 7})

    def reset(self) -> None:
        """Forget what is on its way, which is nothing."""

    def close(self) -> None:
        """Remember that the device was closed."""
        self.closed = True

    def _model(self, run: Run) -> GoldenModel:
        given = (*run.weights, run.parameters)
        if self._model_words is None or any(a is not b for a, b in zip(given, self._model_words)):
            self._golden, self._model_words = self._new_model(run), given
        return self._golden

    def _new_model(self, run: Run) -> GoldenModel:
        beats = np.stack([words.view("<u8") for words in run.weights], axis=1)
        return GoldenModel(
            dataclasses.replace(
                self._image,
                weight_stream=np.ascontiguousarray(beats).view(np.uint8).reshape(-1),
                parameter_stream=run.parameters.view(np.uint8),
            )
        )

    def _lanes_of(self, words: NDArray[np.uint64]) -> NDArray[np.int16]:
        rows, lanes = self._config.rows_per_beat, self._config.lanes
        mantissas = words.view("<i2").reshape(-1, lanes, rows)
        vectors = [mantissas[:, lane].reshape(-1) for lane in range(lanes)]
        dim = self._image.header.shape.dim
        assert not any(vector[dim:].any() for vector in vectors), "padding is zero"
        return np.stack(vectors)[:, :dim]

    def _step(
        self, model: GoldenModel, state: State, mantissas: NDArray[np.int16]
    ) -> tuple[Int64Array, Int64Array]:
        shift = self._image.operations()[0].input_shift
        residual = round_half_up(mantissas[None].astype(np.int64), shift)
        residual = saturate(residual, model.widths.residual, state.flags, "residual")
        for layer in range(model.shape.layers):
            residual = model.token_mixer(state, layer, residual)
            residual = model.channel_mixer(state, layer, residual)
        accumulators, logits = model.head(state, residual)
        return accumulators[0], logits[0]

    def _output(
        self, lanes: list[tuple[Int64Array, Int64Array]], all_logits: bool
    ) -> NDArray[np.uint64]:
        words: list[int] = []
        vocabulary, rows = self._image.header.shape.vocabulary, self._config.rows_per_beat
        if all_logits:
            for start in range(0, vocabulary, rows):
                for accumulators, logits in lanes:
                    for row in range(start, min(start + rows, vocabulary)):
                        words.append(_pair(logits[row], accumulators[row]))
        for accumulators, logits in lanes:
            best = sorted(range(vocabulary), key=lambda token: (-accumulators[token], token))
            best = best[:TOP_K]
            words += [_pair(logits[token], token) for token in best]
            words += [NO_TOKEN << 32] * (TOP_K - len(best))
        return np.array(words, np.uint64)


def _pair(low: int, high: int) -> int:
    return (int(low) & 0xFFFFFFFF) | (int(high) & 0xFFFFFFFF) << 32
