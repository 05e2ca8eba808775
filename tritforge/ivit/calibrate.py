# SPDX-License-Identifier: Apache-2.0
"""Calibration: activation scales of every site from sample images, without training.

Ranges are those of the float reference. Upstream tracks them in its quantised forward pass while it
trains; its momentum rule is available for comparison, the usual choice here is the whole range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ConfigurationError
from tritforge.ivit import sites
from tritforge.ivit.quantise import ScaleFormat, activation_scale, smallest_scales
from tritforge.ivit.reference import FloatArray, FloatVisionModel
from tritforge.ivit.shape import VisionShape, VisionUnits, VisionWidths

#: Upstream's `act_range_momentum`.
UPSTREAM_MOMENTUM = 0.95


class ActivationRange:
    """Smallest and largest number that one site has seen, in float32 as upstream keeps them.

    With a momentum m the range moves by m * old + (1 - m) * batch from the second batch on.
    """

    def __init__(self, momentum: float | None = None) -> None:
        """
        Args:
            momentum: from 0 to below 1, or None for the smallest and largest number of all batches.

        Raises:
            ConfigurationError: the momentum is outside its range.
        """
        if momentum is not None and not 0 <= momentum < 1:
            raise ConfigurationError(
                f"momentum = {momentum} is out of range: give a number from 0 to below 1"
            )
        self._momentum = momentum
        self.low = self.high = np.float32(0)

    def update(self, values: NDArray[np.floating[Any]]) -> None:
        """Take one batch into account."""
        low, high = np.float32(values.min()), np.float32(values.max())
        if self.low == self.high:  # no batch yet, as upstream tells it
            self.low, self.high = low, high
        elif self._momentum is None:
            self.low, self.high = min(self.low, low), max(self.high, high)
        else:
            keep, take = np.float32(self._momentum), np.float32(1 - self._momentum)
            self.low = self.low * keep + low * take
            self.high = self.high * keep + high * take

    def scale(self, bits: int) -> np.float32:
        """Scale of a symmetric quantiser of `bits` signed bits."""
        return activation_scale(float(self.low), float(self.high), bits)


def calibrate(
    model: FloatVisionModel,
    batches: Iterable[NDArray[np.floating[Any]]],
    momentum: float | None = None,
) -> dict[str, ActivationRange]:
    """Range of every activation site.

    Args:
        batches: normalised images (batch, height, width, channels), at least one batch; a caller
            shows progress by wrapping them.
        momentum: None, or the momentum of a running range.

    Raises:
        ConfigurationError: there is no batch, or a site's numbers are not finite.
    """
    ranges = {
        site: ActivationRange(momentum)
        for site in sites.activation_sites(model.shape, VisionWidths())
    }

    def observe(site: str, values: FloatArray) -> None:
        if not np.isfinite(values).all():
            raise ConfigurationError(
                f"{site} holds numbers that are not finite: the weights or the images are damaged"
            )
        ranges[site].update(values)

    seen = 0
    for images in batches:
        seen += len(images)
        if len(images):
            model.logits(images, observe)
    if not seen:
        raise ConfigurationError("no images to calibrate with: give at least one")
    return ranges


def activation_scales(
    ranges: Mapping[str, ActivationRange],
    shape: VisionShape,
    widths: VisionWidths,
    scale_format: ScaleFormat = ScaleFormat.REAL,
) -> dict[str, np.float32]:
    """Scale of every activation site from its range.

    Scores and hidden activations get at least the scale with which the sums of Shiftmax and
    ShiftGELU are exact.
    """
    scales = {
        site: ranges[site].scale(bits)
        for site, bits in sites.activation_sites(shape, widths).items()
    }
    for site, smallest in smallest_scales(VisionUnits(shape, widths)).items():
        for layer in range(shape.layers):
            name = sites.block_site(layer, site)
            scales[name] = max(scales[name], smallest)
    return {
        name: np.float32(scale_format.apply(np.asarray(scale))) for name, scale in scales.items()
    }
