# SPDX-License-Identifier: Apache-2.0
"""Runs of a whole I-ViT machine on random models, and what they should give."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from codegen.ivit.blueprint import IvitBlueprint
from codegen.machine.source import MachineSource
from codegen.project import machine_source
from pynq_driver.devices.device import Disturbance, Run
from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden import IvitGoldenModel, input_quantiser
from tritforge.ivit.machine.config import MachineConfig, machine_for
from tritforge.ivit.machine.interface import OUTPUT
from tritforge.ivit.machine.packets import ImagePackets, PacketMaker
from tritforge.ivit.shape import VisionShape

#: One block, two heads: the smallest model with everything in it.
TINY_SHAPE = VisionShape(
    image_size=4, patch_size=2, channels=1, dim=8, heads=2, layers=1, hidden=16, classes=3
)
#: Lanes that divide neither tokens nor channels nor heads of the small model.
SMALL_LANES = {"token_lanes": 4, "feature_lanes": 6, "result_lanes": 2, "elements": 2}
TINY_LANES = {"token_lanes": 2, "feature_lanes": 4, "result_lanes": 2, "elements": 2}


class MachineRuns:
    """A model on a machine.

    Attributes:
        model: what runs.
        config: of the machine.
        parameters: of the model, as integers.
    """

    def __init__(self, model: RandomModel, config: MachineConfig) -> None:
        self.model = model
        self.config = config
        self.parameters = model.parameters
        self._packets = PacketMaker(self.parameters, config)
        self._golden = IvitGoldenModel(self.parameters)

    @cached_property
    def source(self) -> MachineSource:
        """What the machine is built from."""
        return machine_source(IvitBlueprint(self.config))

    def packets(self, pixels: NDArray[np.uint8]) -> ImagePackets:
        """Packets of one image (image_size, image_size, channels)."""
        return self._packets.image(input_quantiser(pixels, self.parameters.input_table))

    def run(self, packets: ImagePackets, disturbance: Disturbance | None = None) -> Run:
        """The run, as a driver is given it."""
        return Run(0, packets.streams(), {OUTPUT: self.model.shape.classes}, disturbance)

    def expected(self, pixels: NDArray[np.uint8]) -> Int64Array:
        """Logits (classes,) of the golden model."""
        return self._golden.logits(pixels[np.newaxis])[0]


def small_runs(seed: int = 3, **changes: int) -> MachineRuns:
    """The small model on a machine of its own shape."""
    model = RandomModel(SMALL_SHAPE, seed=seed)
    return MachineRuns(
        model, machine_for(model.shape, widths=model.widths, **{**SMALL_LANES, **changes})
    )


def tiny_runs(seed: int = 3) -> MachineRuns:
    """The smallest model on a machine of its own shape."""
    model = RandomModel(TINY_SHAPE, seed=seed)
    return MachineRuns(model, machine_for(model.shape, widths=model.widths, **TINY_LANES))
