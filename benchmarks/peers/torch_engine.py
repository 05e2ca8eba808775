# SPDX-License-Identifier: Apache-2.0
"""The model in PyTorch on the CPU, as one gets it from the paper's equations in float32.

Two ways: `plain` has the ternary weights as float matrices; `reference` quantises weights and
activations in every call, as the reference implementation's BitLinear does at inference.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor
from torch.nn import functional

EPS = 1e-6
PROMPT_TOKENS = 4


class BitLinear:
    """RMSNorm, int8 activations, ternary weights."""

    def __init__(self, rows: int, inputs: int, requantise: bool) -> None:
        self._weight = torch.randint(-1, 2, (rows, inputs), dtype=torch.int8).float()
        self._weight *= (2 / 3 * inputs) ** -0.5
        self._requantise = requantise

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs (tokens, rows)."""
        x = functional.rms_norm(x, x.shape[-1:], eps=EPS)
        weight = self._weight
        if self._requantise:
            scale = 127 / x.abs().amax(-1, keepdim=True).clamp(min=1e-5)
            x = (x * scale).round().clamp(-128, 127) / scale
            mean = 1 / weight.abs().mean().clamp(min=1e-5)
            weight = (weight * mean).round().clamp(-1, 1) / mean
        return functional.linear(x, weight)


class Layer:
    """One block: gated recurrence, then gated linear unit."""

    def __init__(self, dim: int, glu_width: int, requantise: bool) -> None:
        self._mix = [BitLinear(dim, dim, requantise) for _ in range(4)]
        self._gate_up = BitLinear(2 * glu_width, dim, requantise)
        self._down = BitLinear(dim, glu_width, requantise)

    def __call__(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (tokens, dim) and the state (dim,) behind the last token."""
        forget, candidate, output, project = self._mix
        normal = functional.rms_norm(x, x.shape[-1:], eps=EPS)
        keep = forget(normal).sigmoid()
        new = functional.silu(candidate(normal)) * (1 - keep)
        states = []
        for position in range(len(x)):
            state = keep[position] * state + new[position]
            states.append(state)
        gate = functional.rms_norm(output(normal), x.shape[-1:], eps=EPS)
        x = x + project(gate * functional.silu(torch.stack(states)))
        gate, up = self._gate_up(functional.rms_norm(x, x.shape[-1:], eps=EPS)).chunk(2, -1)
        return x + self._down(functional.silu(gate) * up), state


class TorchEngine:
    """Random weights of a shape."""

    def __init__(
        self, dim: int, layers: int, glu_width: int, vocabulary: int, threads: int, requantise: bool
    ) -> None:
        torch.set_num_threads(threads)
        self._dim = dim
        self._vocabulary = vocabulary
        self._embedding = torch.randn(vocabulary, dim)
        self._layers = [Layer(dim, glu_width, requantise) for _ in range(layers)]
        self._head = BitLinear(vocabulary, dim, requantise)

    @torch.inference_mode()
    def decode(self, tokens: int) -> float:
        """See Engine."""
        states = self._empty()
        token = self._advance(self._prompt(PROMPT_TOKENS), states)
        started = time.perf_counter()
        for _ in range(tokens):
            token = self._advance([token], states)
        return time.perf_counter() - started

    @torch.inference_mode()
    def prefill(self, tokens: int) -> float:
        """See Engine."""
        started = time.perf_counter()
        self._advance(self._prompt(tokens), self._empty())
        return time.perf_counter() - started

    def _empty(self) -> list[Tensor]:
        return [torch.zeros(self._dim) for _ in self._layers]

    def _prompt(self, tokens: int) -> list[int]:
        return [(7919 * position + 3) % self._vocabulary for position in range(tokens)]

    def _advance(self, tokens: list[int], states: list[Tensor]) -> int:
        x = self._embedding[torch.tensor(tokens)]
        for index, layer in enumerate(self._layers):
            x, states[index] = layer(x, states[index])
        x = functional.rms_norm(x[-1:], x.shape[-1:], eps=EPS)
        return int(self._head(x).argmax())


def open_engine(
    dim: int, layers: int, glu_width: int, vocabulary: int, threads: int, requantise: bool
) -> TorchEngine:
    """See worker."""
    return TorchEngine(dim, layers, glu_width, vocabulary, threads, requantise)
