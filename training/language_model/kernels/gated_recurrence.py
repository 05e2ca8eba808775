# SPDX-License-Identifier: Apache-2.0
"""Gates and linear recurrence of the token mixer, in chunks of time.

f_t = lower_bound + (1 - lower_bound) * sigmoid(forget_t) and
h_t = carried_t * f_t * h_(t-1) + (1 - f_t) * SiLU(candidate_t), where carried_t is 0 for the first
token of a document and 1 for all others.

Every chunk runs from a zero state first, then the states at the chunks' borders follow from one
another, and then every chunk runs from its true state. Only the border states (float32) are kept
for the backward pass, which computes the states again. The length is a run-time number.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from training.language_model.kernels.rows import sigmoid

CHUNK = tl.constexpr(32)
_STEPS_PER_CHUNK = CHUNK.value
_CHANNELS = 128


@triton.jit
def _gates(forget_pointer, place, lower_bound, mask):
    """Sigmoid and forget gate; the gate of masked places is of no use."""
    slope = sigmoid(tl.load(forget_pointer + place, mask, 0.0).to(tl.float32))
    return slope, lower_bound + (1.0 - lower_bound) * slope


@triton.jit
def _carried(carried_pointer, batch, time, step):
    """Whether the state before a step flows into it, 1 or 0."""
    return tl.load(carried_pointer + batch.to(tl.int64) * time + step).to(tl.float32)


@triton.jit
def _chunk_ends(
    candidate, forget, carried, lower_bounds, ends, products, time, width, BLOCK: tl.constexpr
):
    """Last state of a chunk from a zero state, and the product of its gates."""
    batch, chunk = tl.program_id(0), tl.program_id(1)
    channels = tl.program_id(2) * BLOCK + tl.arange(0, BLOCK)
    mask = channels < width
    lower_bound = tl.load(lower_bounds + channels, mask, 0.0)
    first = chunk * CHUNK
    place = (batch.to(tl.int64) * time + first) * width + channels
    state = tl.zeros([BLOCK], tl.float32)
    product = tl.full([BLOCK], 1.0, tl.float32)
    for step in range(first, tl.minimum(first + CHUNK, time)):
        x = tl.load(candidate + place, mask, 0.0).to(tl.float32)
        _slope, gate = _gates(forget, place, lower_bound, mask)
        passed = gate * _carried(carried, batch, time, step)
        state = passed * state + (1.0 - gate) * x * sigmoid(x)
        product *= passed
        place += width
    border = (batch.to(tl.int64) * tl.num_programs(1) + chunk) * width + channels
    tl.store(ends + border, state, mask)
    tl.store(products + border, product, mask)


@triton.jit
def _borders(ends, products, initial, chunks, width, REVERSE: tl.constexpr, BLOCK: tl.constexpr):
    """Replace the ends of the chunks by the state that enters each chunk."""
    batch = tl.program_id(0).to(tl.int64)
    channels = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = channels < width
    state = tl.load(initial + batch * width + channels, mask, 0.0).to(tl.float32)
    for step in range(chunks):
        chunk = chunks - 1 - step if REVERSE else step
        place = (batch * chunks + chunk) * width + channels
        end = tl.load(ends + place, mask, 0.0)
        product = tl.load(products + place, mask, 0.0)
        tl.store(ends + place, state, mask)
        state = product * state + end


@triton.jit
def _states(
    candidate, forget, carried, lower_bounds, borders, hidden, time, width, BLOCK: tl.constexpr
):
    """All states of a chunk from the state that enters it."""
    batch, chunk = tl.program_id(0), tl.program_id(1)
    channels = tl.program_id(2) * BLOCK + tl.arange(0, BLOCK)
    mask = channels < width
    lower_bound = tl.load(lower_bounds + channels, mask, 0.0)
    first = chunk * CHUNK
    place = (batch.to(tl.int64) * time + first) * width + channels
    border = (batch.to(tl.int64) * tl.num_programs(1) + chunk) * width + channels
    state = tl.load(borders + border, mask, 0.0)
    for step in range(first, tl.minimum(first + CHUNK, time)):
        x = tl.load(candidate + place, mask, 0.0).to(tl.float32)
        _slope, gate = _gates(forget, place, lower_bound, mask)
        passed = gate * _carried(carried, batch, time, step)
        state = passed * state + (1.0 - gate) * x * sigmoid(x)
        tl.store(hidden + place, state.to(hidden.dtype.element_ty), mask)
        place += width


@triton.jit
def _adjoint_ends(
    forget, carried, lower_bounds, gradients, ends, products, time, width, BLOCK: tl.constexpr
):
    """What a chunk alone hands to the chunk before it, and the product of its gates.

    With g_t = carried_t * f_t, the adjoint a_t = gradient_t + g_(t+1) * a_(t+1); a chunk hands on
    g_first * a_first.
    """
    batch, chunk = tl.program_id(0), tl.program_id(1)
    channels = tl.program_id(2) * BLOCK + tl.arange(0, BLOCK)
    mask = channels < width
    lower_bound = tl.load(lower_bounds + channels, mask, 0.0)
    first = chunk * CHUNK
    last = tl.minimum(first + CHUNK, time) - 1
    place = (batch.to(tl.int64) * time + last) * width + channels
    handed = tl.zeros([BLOCK], tl.float32)
    product = tl.full([BLOCK], 1.0, tl.float32)
    for step in range(first, last + 1):
        _slope, gate = _gates(forget, place, lower_bound, mask)
        passed = gate * _carried(carried, batch, time, last + first - step)
        handed = passed * (handed + tl.load(gradients + place, mask, 0.0).to(tl.float32))
        product *= passed
        place -= width
    border = (batch.to(tl.int64) * tl.num_programs(1) + chunk) * width + channels
    tl.store(ends + border, handed, mask)
    tl.store(products + border, product, mask)


@triton.jit
def _backward(
    candidate,
    forget,
    carried,
    lower_bounds,
    hidden,
    initial,
    gradients,
    borders,
    candidate_gradient,
    forget_gradient,
    lower_bound_gradient,
    time,
    width,
    BLOCK: tl.constexpr,
):
    batch, chunk = tl.program_id(0), tl.program_id(1)
    channels = tl.program_id(2) * BLOCK + tl.arange(0, BLOCK)
    mask = channels < width
    lower_bound = tl.load(lower_bounds + channels, mask, 0.0)
    first = chunk * CHUNK
    last = tl.minimum(first + CHUNK, time) - 1
    place = (batch.to(tl.int64) * time + last) * width + channels
    border = (batch.to(tl.int64) * tl.num_programs(1) + chunk) * width + channels
    handed = tl.load(borders + border, mask, 0.0)
    bound_sum = tl.zeros([BLOCK], tl.float32)
    start = tl.load(initial + batch.to(tl.int64) * width + channels, mask, 0.0).to(tl.float32)
    for step in range(first, last + 1):
        x = tl.load(candidate + place, mask, 0.0).to(tl.float32)
        slope, gate = _gates(forget, place, lower_bound, mask)
        x_slope = sigmoid(x)
        activation = x * x_slope
        adjoint = handed + tl.load(gradients + place, mask, 0.0).to(tl.float32)
        here = last + first - step
        is_start = here == 0
        before = tl.load(hidden + place - width, mask & (not is_start), 0.0).to(tl.float32)
        keeps = _carried(carried, batch, time, here)
        before = tl.where(is_start, start, before) * keeps
        gate_gradient = adjoint * (before - activation)
        bound_sum += gate_gradient * (1.0 - slope)
        x_gradient = adjoint * (1.0 - gate) * (x_slope + activation * (1.0 - x_slope))
        tl.store(
            candidate_gradient + place, x_gradient.to(candidate_gradient.dtype.element_ty), mask
        )
        gate_gradient *= (1.0 - lower_bound) * slope * (1.0 - slope)
        tl.store(forget_gradient + place, gate_gradient.to(forget_gradient.dtype.element_ty), mask)
        handed = keeps * gate * adjoint
        place -= width
    tl.store(lower_bound_gradient + border, bound_sum, mask)


def _grid(candidate: Tensor) -> tuple[int, int, int]:
    batch, time, width = candidate.shape
    return batch, triton.cdiv(time, _STEPS_PER_CHUNK), triton.cdiv(width, _CHANNELS)


def _border_space(candidate: Tensor) -> tuple[Tensor, Tensor]:
    batch, chunks, _ = _grid(candidate)
    space = torch.empty(
        2, batch, chunks, candidate.shape[-1], dtype=torch.float32, device=candidate.device
    )
    return space[0], space[1]


def border_states(
    candidate: Tensor, forget: Tensor, carried: Tensor, lower_bound: Tensor, initial: Tensor
) -> Tensor:
    """State that enters each chunk of 32 steps: (batch, chunks, width) float32.

    Args:
        candidate, forget: (batch, time, width) pre-activations, contiguous.
        carried: (batch, time) bool or number, false where a document begins, contiguous.
        lower_bound: (width,) float32.
        initial: (batch, width) state before the first step.
    """
    ends, products = _border_space(candidate)
    batch, chunks, blocks = grid = _grid(candidate)
    _, time, width = candidate.shape
    _chunk_ends[grid](
        candidate,
        forget,
        carried,
        lower_bound,
        ends,
        products,
        time,
        width,
        BLOCK=_CHANNELS,
        num_warps=1,
    )
    _borders[(batch, blocks)](
        ends,
        products,
        initial.contiguous(),
        chunks,
        width,
        REVERSE=False,
        BLOCK=_CHANNELS,
        num_warps=1,
    )
    return ends


def states(
    candidate: Tensor, forget: Tensor, carried: Tensor, lower_bound: Tensor, borders: Tensor
) -> Tensor:
    """All states (batch, time, width) float32, from those of `border_states`."""
    hidden = torch.empty(candidate.shape, dtype=torch.float32, device=candidate.device)
    _, time, width = candidate.shape
    _states[_grid(candidate)](
        candidate,
        forget,
        carried,
        lower_bound,
        borders,
        hidden,
        time,
        width,
        BLOCK=_CHANNELS,
        num_warps=1,
    )
    return hidden


def states_backward(
    candidate: Tensor,
    forget: Tensor,
    carried: Tensor,
    lower_bound: Tensor,
    hidden: Tensor,
    initial: Tensor,
    gradients: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of the recurrence.

    Args:
        hidden: its states, from `states`.
        gradients: (batch, time, width) of the states.

    Returns:
        Gradients of candidate and forget (in their type), lower_bound (width,) and the initial
        state (batch, width), both float32.
    """
    ends, products = _border_space(candidate)
    batch, chunks, blocks = grid = _grid(candidate)
    _, time, width = candidate.shape
    _adjoint_ends[grid](
        forget,
        carried,
        lower_bound,
        gradients,
        ends,
        products,
        time,
        width,
        BLOCK=_CHANNELS,
        num_warps=1,
    )
    first_end, first_product = ends[:, 0].clone(), products[:, 0]
    nothing = torch.zeros(batch, width, dtype=torch.float32, device=candidate.device)
    _borders[(batch, blocks)](
        ends, products, nothing, chunks, width, REVERSE=True, BLOCK=_CHANNELS, num_warps=1
    )
    initial_gradient = torch.addcmul(first_end, first_product, ends[:, 0])
    candidate_gradient, forget_gradient = torch.empty_like(candidate), torch.empty_like(forget)
    bounds = torch.empty_like(ends)
    _backward[grid](
        candidate,
        forget,
        carried,
        lower_bound,
        hidden,
        initial.contiguous(),
        gradients,
        ends,
        candidate_gradient,
        forget_gradient,
        bounds,
        time,
        width,
        BLOCK=_CHANNELS,
        num_warps=1,
    )
    return candidate_gradient, forget_gradient, bounds.sum((0, 1)), initial_gradient
