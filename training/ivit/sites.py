# SPDX-License-Identifier: Apache-2.0
"""Activation sites as modules: a scale each, and an observer of ranges while calibrating."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.ivit.rounding import next_power_of_two, quotient, requantise, straight_through
from tritforge.fixed_point import symmetric_limit
from tritforge.ivit.quantise import SMALLEST_SCALE, ScaleFormat

#: Numbers that a percentile is taken of; a larger tensor is sampled evenly.
_PERCENTILE_SAMPLE = 1 << 20


class ActivationObserver:
    """Magnitude that a site must represent, from the batches of a calibration.

    The magnitude of a batch is its largest or a percentile of its magnitudes; batches are averaged
    with a momentum, from the second one on, or the largest of all is taken.
    """

    def __init__(self, percentile: float = 100.0, momentum: float | None = None) -> None:
        """
        Args:
            percentile: of the magnitudes of a batch, above 0 and up to 100 (the largest).
            momentum: weight of the batches so far, or None for the largest of all batches.
        """
        self._percentile, self._momentum = percentile, momentum
        self.magnitude: Tensor | None = None

    @torch.no_grad()
    def update(self, values: Tensor) -> None:
        """Take one batch into account."""
        magnitudes = values.detach().abs().flatten()
        if self._percentile < 100:
            step = max(1, magnitudes.numel() // _PERCENTILE_SAMPLE)
            batch = torch.quantile(magnitudes[::step].float(), self._percentile / 100)
        else:
            batch = magnitudes.max()
        if self.magnitude is None:
            self.magnitude = batch
        elif self._momentum is None:
            self.magnitude = torch.maximum(self.magnitude, batch)
        else:
            self.magnitude = self._momentum * self.magnitude + (1 - self._momentum) * batch


class Site(nn.Module):
    """Symmetric quantiser of one activation; its buffer has upstream's name.

    Attributes:
        act_scaling_factor: () float32, real value of one unit; 0 until calibrated.
        observer: receives reals while calibrating.
    """

    act_scaling_factor: Tensor

    def __init__(self, bits: int, mantissa: int, smallest: float = 0.0) -> None:
        """
        Args:
            bits: signed bits of the whole numbers.
            mantissa: bits of the mantissa of a requantisation to this site.
            smallest: smallest scale with which the row unit behind the site is exact.
        """
        super().__init__()
        self.bits, self.mantissa, self.smallest = bits, mantissa, smallest
        self.observer: ActivationObserver | None = None
        self.register_buffer("act_scaling_factor", torch.zeros(()))

    def see(self, reals: Tensor) -> None:
        """Hand reals to the observer, if there is one."""
        if self.observer is not None:
            self.observer.update(reals)

    def settle(self, scale_format: ScaleFormat) -> None:
        """Take the scale from what the observer saw, and end the observation."""
        if self.observer is None or self.observer.magnitude is None:
            return
        scale = quotient(self.observer.magnitude.float(), symmetric_limit(self.bits))
        scale = scale.clamp(min=max(float(SMALLEST_SCALE), self.smallest))
        if scale_format is ScaleFormat.POWER_OF_TWO:
            scale = next_power_of_two(scale)
        self.act_scaling_factor.copy_(scale)
        self.observer = None

    def quantise(self, reals: Tensor) -> Tensor:
        """Reals to whole numbers, by the float32 reciprocal as upstream has it."""
        self.see(reals)
        half = 1 << (self.bits - 1)
        smooth = reals * (1.0 / self.act_scaling_factor)
        exact = torch.round(smooth.detach()).clamp(-half, half - 1)
        return straight_through(exact, smooth.clamp(-half, half - 1))

    def requantise(
        self, total: Tensor, smooth: Tensor, scale: Tensor, mantissa: int | None = None
    ) -> Tensor:
        """Whole numbers of another scale to this site's.

        Args:
            total: whole numbers, float64.
            smooth: float32, the same numbers with their gradient.
            scale: () or (channels,) float32, their real unit.
            mantissa: bits of the factor, if not the site's.
        """
        if self.observer is not None:
            self.observer.update(smooth.detach() * scale)
        ratio = scale.double() / self.act_scaling_factor.double()
        return requantise(total, smooth, ratio, self.bits, mantissa or self.mantissa)
