# SPDX-License-Identifier: Apache-2.0
"""Pieces that the kernels on rows share: norms and their gradients, rounding, grid sizes.

A row is a vector over the width of the model, in one program, padded to a power of two with zeros.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritforge.language_model.float_parameters import USUAL_EPSILONS
from tritforge.language_model.reference import ABSMAX_FLOOR, CODE_MAXIMUM

EPSILON = tl.constexpr(USUAL_EPSILONS.linear)
FLOOR = tl.constexpr(ABSMAX_FLOOR)
MAXIMUM = tl.constexpr(CODE_MAXIMUM)
#: A float32 below 2**22 is rounded half to even by adding 1.5 * 2**23 and taking it away again.
ROUNDER = tl.constexpr(12582912.0)
#: Programs of a backward kernel: each sums the gradients of the gains over its rows.
BACKWARD_PROGRAMS_PER_PROCESSOR = 4
_ELEMENTS_PER_THREAD = 16
_THREADS_PER_WARP = 32


@triton.jit
def round_half_even(x):
    """x rounded to an integer, for |x| < 2**22."""
    return (x + ROUNDER) - ROUNDER


@triton.jit
def sigmoid(x):
    """Logistic function; below -80 the exponential would overflow."""
    return 1.0 / (1.0 + tl.exp(-tl.maximum(x, -80.0)))


@triton.jit
def reciprocal_rms(x, width):
    """1 / rms of a padded row."""
    return 1.0 / tl.sqrt(tl.sum(x * x, 0) / width + EPSILON)


@triton.jit
def rms_norm_gradient(gradient, normed, reciprocal, width):
    """Gradient of a norm's input from that of its output before the gain."""
    return reciprocal * (gradient - normed * (tl.sum(gradient * normed, 0) / width))


@triton.jit
def code_step(values):
    """Step of one int8 code of a row."""
    return tl.div_rn(tl.maximum(tl.max(tl.abs(values), 0), FLOOR), MAXIMUM)


@triton.jit
def store_codes(values, codes, steps, row, base, columns, mask, DEQUANTISE: tl.constexpr):
    """Quantise a row: store int8 codes and their step, or with DEQUANTISE codes times step."""
    step = code_step(values)
    rounded = round_half_even(tl.div_rn(values, step))
    if DEQUANTISE:
        tl.store(codes + base + columns, (rounded * step).to(codes.dtype.element_ty), mask)
    else:
        tl.store(codes + base + columns, rounded.to(tl.int8), mask)
        tl.store(steps + row, step)


def block_of(width: int) -> int:
    """Padded width of a row."""
    return int(triton.next_power_of_2(width))


def warps_of(block: int) -> int:
    """Warps that share a row."""
    return max(1, min(16, block // (_ELEMENTS_PER_THREAD * _THREADS_PER_WARP)))


def backward_programs(rows: int, device: torch.device) -> int:
    """Programs of a backward kernel on that device."""
    if device.type != "cuda":
        return min(rows, 3)
    processors = torch.cuda.get_device_properties(device).multi_processor_count
    return min(rows, BACKWARD_PROGRAMS_PER_PROCESSOR * processors)


def empty_codes(shape: tuple[int, ...], like: Tensor, dtype: torch.dtype | None) -> Tensor:
    """Uninitialised codes, int8 unless dequantised to `dtype`."""
    return torch.empty(shape, dtype=torch.int8 if dtype is None else dtype, device=like.device)
