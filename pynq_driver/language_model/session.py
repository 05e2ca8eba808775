# SPDX-License-Identifier: Apache-2.0
"""A model on a device: one method for one run, and a book of what the device reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from pynq_driver.devices.device import Device, Run, RunResult
from pynq_driver.devices.outcome import check_fingerprint, check_outcome
from pynq_driver.language_model.scores import Scores
from pynq_driver.language_model.words import MachineWords
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.image import Image
from tritforge.language_model.wire.output_packet import Scoreboard


class MachineSession:
    """A device with a model.

    Attributes:
        lanes: lanes of the accelerator.
        runs: runs so far.
        counters: the device's counters of the last run.
        saturations: signal -> runs in which it saturated.
    """

    def __init__(self, image: Image, device: Device, config: AcceleratorConfig) -> None:
        """
        Raises:
            ConfigurationError: the device was built from another configuration, or is too small.
        """
        check_fingerprint(device.interface.fingerprint, config.fingerprint())
        self._words = MachineWords(config, image)
        self._device = device
        # Cut once: the weights of every run are the same words.
        self._model = self._words.model()
        self._logit_scale = 2.0**-image.header.widths.logit_fraction
        self.lanes = config.lanes
        self.runs = 0
        self.counters: Mapping[str, int] = {}
        self.saturations: Counter[str] = Counter()

    def advance(
        self,
        tokens: Sequence[int],
        *,
        prefill: bool,
        all_logits: bool,
        fresh: Collection[int],
        hold: Collection[int],
    ) -> Scoreboard:
        """One run: one token per lane; arguments as in `MachineWords.command`.

        Raises:
            TritforgeError: the machine reports an error; every context is lost.
        """
        command = self._words.command(
            prefill=prefill, all_logits=all_logits, fresh=fresh, hold=hold
        )
        inputs = {**self._model, "input": self._words.input(tokens)}
        outputs = {"output": self._words.output_words(all_logits)}
        result = self._device.run(Run(command, inputs, outputs))
        self._account(result)
        return self._words.scoreboard(result.outputs["output"], all_logits)

    def scores(self, board: Scoreboard, lane: int) -> Scores:
        """Scores of one lane of a run that sent all logits."""
        assert board.logits is not None and board.accumulators is not None
        logits = board.logits[lane].astype(np.float64) * self._logit_scale
        return Scores(logits, board.accumulators[lane])

    def _account(self, result: RunResult) -> None:
        self.runs += 1
        self.counters = result.counters
        self.saturations.update(result.flags["saturation"])
        check_outcome(result)
