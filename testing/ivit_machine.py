# SPDX-License-Identifier: Apache-2.0
"""A small I-ViT machine for tests: every count reaches its end soon, no lane count divides one."""

from __future__ import annotations

from tritforge.ivit.machine.config import MachineConfig, machine_config


def small_ivit_config(packing: int = 2) -> MachineConfig:
    """Four tokens and two features at a time, two results; rows of up to 18 numbers.

    Args:
        packing: products that share a multiplier.
    """
    return machine_config(
        9,
        heads=3,
        hidden=14,
        layers=2,
        tokens=11,
        classes=5,
        patch_inputs=18,
        token_lanes=4,
        feature_lanes=2,
        result_lanes=2,
        elements=2,
        products_per_multiplier=packing,
    )
