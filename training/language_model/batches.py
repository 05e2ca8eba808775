# SPDX-License-Identifier: Apache-2.0
"""Which sequences a step trains on: a function of seed and step alone, so that a run can go on."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def batch_starts(seed: int, step: int, count: int, tokens: int, length: int) -> NDArray[np.int64]:
    """First token of each of `count` sequences of `length` tokens and one more."""
    generator = np.random.default_rng((seed, step))
    return generator.integers(0, tokens - length, count)


def sequences(
    ids: NDArray[np.int32], starts: NDArray[np.int64], length: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Tokens and their successors, both (sequences, length) int64 on the device."""
    rows = ids[starts[:, None] + np.arange(length + 1)].astype(np.int64)
    both = torch.from_numpy(rows).to(device)
    return both[:, :-1].contiguous(), both[:, 1:].contiguous()
