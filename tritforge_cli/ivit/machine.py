# SPDX-License-Identifier: Apache-2.0
"""Building the I-ViT machine for the backends `csim` and `rtl`."""

from __future__ import annotations

from codegen.ivit.blueprint import IvitBlueprint
from pynq_driver.ivit.backends.opening import CompiledVisionMachine
from tritforge.ivit.image import VisionImage
from tritforge.ivit.machine.config import machine_for
from tritforge_cli.machine import build_machine


def vision_machine_for(backend: str, image: VisionImage) -> CompiledVisionMachine:
    """The machine of exactly an image's model, built if it is not in the cache."""
    config = machine_for(image.header.shape, widths=image.parameters.widths)
    return CompiledVisionMachine(build_machine(backend, IvitBlueprint(config)), config)
