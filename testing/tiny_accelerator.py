# SPDX-License-Identifier: Apache-2.0
"""One small accelerator for all tests of Verilated machines: it takes a minute to build."""

from __future__ import annotations

import dataclasses

from tritforge.language_model.config import AcceleratorConfig, ModelShape, accelerator

#: Larger than the models that run on it, as an overlay usually is.
TINY_SHAPE = ModelShape(dim=24, layers=2, glu_width=36, vocabulary=1104)


def tiny_accelerator() -> AcceleratorConfig:
    """An accelerator with two ports and two lanes for TINY_SHAPE."""
    return accelerator(**dataclasses.asdict(TINY_SHAPE), ports=2, lanes=2)
