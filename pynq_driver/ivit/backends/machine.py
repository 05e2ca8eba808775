# SPDX-License-Identifier: Apache-2.0
"""Backends `csim` and `rtl`: the whole machine, fed and read as a board's driver does it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pynq_driver.devices.device import Device, Run
from pynq_driver.devices.outcome import check_fingerprint, check_outcome
from pynq_driver.ivit.backends.base import check_pixels
from tritforge.ivit.golden import input_quantiser
from tritforge.ivit.machine.config import MachineConfig
from tritforge.ivit.machine.interface import OUTPUT
from tritforge.ivit.machine.packets import PacketMaker
from tritforge.ivit.parameters import VisionParameters


class MachineVisionBackend:
    """Images through a machine, one run each.

    Attributes:
        name: "csim" or "rtl".
        device: what runs.
        counters: the device's counters of the last run.
    """

    def __init__(
        self, name: str, parameters: VisionParameters, device: Device, config: MachineConfig
    ) -> None:
        """
        Raises:
            ConfigurationError: the device was built from another configuration, or is too small.
        """
        check_fingerprint(device.interface.fingerprint, config.fingerprint())
        self.name = name
        self.device = device
        self.counters: Mapping[str, int] = {}
        self._packets = PacketMaker(parameters, config)
        self._parameters = parameters

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """See VisionBackend.

        Raises:
            ConfigurationError: the images are no uint8 or of another size.
            TritforgeError: the machine reports an error or stands still.
        """
        shape = self._parameters.shape
        check_pixels(pixels, shape)
        activations = input_quantiser(pixels, self._parameters.input_table)
        logits = np.empty((len(pixels), shape.classes), np.int64)
        for row, image in zip(logits, activations):
            packets = self._packets.image(image)
            result = self.device.run(Run(0, packets.streams(), {OUTPUT: shape.classes}))
            self.counters = result.counters
            check_outcome(result)
            row[:] = result.outputs[OUTPUT].view(np.int64)
        return logits

    def close(self) -> None:
        """Give the machine back."""
        self.device.close()
