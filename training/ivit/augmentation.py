# SPDX-License-Identifier: Apache-2.0
"""Random changes of training images, on the device of the images.

Shift with zero padding, horizontal flip, random erasing (arXiv 1708.04896), and mixup (arXiv
1710.09412) or CutMix (arXiv 1905.04899) of some of the batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Augmentation:
    """How much is changed; with 0 that change does not happen.

    Attributes:
        shift: largest shift in pixels, either direction.
        flip: probability of a flip.
        erase: probability that a random rectangle becomes noise.
        mix: probability that a batch is mixed with itself in another order.
    """

    shift: int = 2
    flip: float = 0.5
    erase: float = 0.25
    mix: float = 0.5


def shifted(images: Tensor, largest: int) -> Tensor:
    """Images (batch, channels, size, size), each shifted by up to `largest` pixels."""
    count, _, size, _ = images.shape
    device = images.device
    padded = functional.pad(images, (largest,) * 4)
    rows, columns = torch.randint(0, 2 * largest + 1, (2, count, 1), device=device)
    position = torch.arange(size, device=device)
    row, column = (rows + position)[:, :, None], (columns + position)[:, None, :]
    picked = padded.permute(0, 2, 3, 1)[
        torch.arange(count, device=device)[:, None, None], row, column
    ]
    return picked.permute(0, 3, 1, 2)


def erased(images: Tensor, probability: float) -> Tensor:
    """Images with a rectangle of up to half of the size replaced by noise, some of them."""
    count, _, size, _ = images.shape
    device = images.device
    centre = torch.randint(0, size, (2, count, 1), device=device)
    reach = torch.randint(size // 10 + 1, size // 4 + 1, (2, count, 1), device=device)
    position = torch.arange(size, device=device)
    inside = (position - centre).abs() < reach
    chosen = torch.rand(count, 1, 1, device=device) < probability
    mask = inside[0][:, :, None] & inside[1][:, None, :] & chosen
    return torch.where(mask[:, None], torch.randint_like(images, 0, 256), images)


def augment(pixels: Tensor, options: Augmentation) -> Tensor:
    """Changed copies of images (batch, channels, size, size) uint8."""
    if options.shift:
        pixels = shifted(pixels, options.shift)
    if options.flip:
        chosen = torch.rand(len(pixels), 1, 1, 1, device=pixels.device) < options.flip
        pixels = torch.where(chosen, pixels.flip(-1), pixels)
    return erased(pixels, options.erase) if options.erase else pixels


def mix(images: Tensor, probability: float) -> tuple[Tensor, Tensor | None, float]:
    """Mixup or CutMix of a batch with itself.

    Args:
        images: (batch, channels, size, size) reals.

    Returns:
        images; the order of the partners or None; the share of the first image.
    """
    # Decided on the host, so that the device need not be waited for.
    mixed, kind, share, row, column = torch.rand(5).tolist()
    if mixed >= probability:
        return images, None, 1.0
    order = torch.randperm(len(images), device=images.device)
    if kind < 0.5:
        return share * images + (1 - share) * images[order], order, share
    size = images.shape[-1]
    half = int(size * math.sqrt(1 - share)) // 2
    top, bottom = max(int(row * size) - half, 0), min(int(row * size) + half, size)
    left, right = max(int(column * size) - half, 0), min(int(column * size) + half, size)
    result = images.clone()
    result[..., top:bottom, left:right] = images[order][..., top:bottom, left:right]
    return result, order, 1 - (bottom - top) * (right - left) / size**2
