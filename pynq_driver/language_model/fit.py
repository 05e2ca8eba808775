# SPDX-License-Identifier: Apache-2.0
"""Which accelerator runs which model image."""

from __future__ import annotations

import dataclasses
from typing import Any

from tritforge.errors import ConfigurationError
from tritforge.language_model.config import BYTES_PER_PORT, AcceleratorConfig, accelerator
from tritforge.language_model.image import Image


def config_for(image: Image, **changes: Any) -> AcceleratorConfig:
    """The smallest accelerator for an image, with the ports it was packed for.

    Args:
        changes: other values of `AcceleratorConfig`, as ports or lanes.

    Raises:
        ConfigurationError: a change is out of range.
    """
    header = image.header
    values = {
        **dataclasses.asdict(header.shape),
        "ports": header.rows_per_beat // BYTES_PER_PORT,
        "widths": header.widths,
        **changes,
    }
    return accelerator(**values)


def check_fit(config: AcceleratorConfig, image: Image) -> None:
    """Raise ConfigurationError unless the accelerator can run the image."""
    header = image.header
    for name in ("dim", "layers", "glu_width", "vocabulary"):
        has, needs = getattr(config.shape, name), getattr(header.shape, name)
        if needs > has:
            raise ConfigurationError(
                f"{image.path} needs {name} = {needs}, the accelerator has {has}: generate one "
                f"with --{name.replace('_', '-')} {needs} or more"
            )
    if header.widths != config.widths:
        raise ConfigurationError(
            f"{image.path} was converted for other bit widths than the accelerator's: convert the "
            "model again, or generate an accelerator with the image's widths"
        )
