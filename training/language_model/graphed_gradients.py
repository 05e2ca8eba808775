# SPDX-License-Identifier: Apache-2.0
"""Loss and gradients of batches of one shape as one CUDA graph, launched at once.

The kernels of a step are many and short; launched one by one from Python, they wait for the
processor. Gradients lie where activations lay before, as without a graph.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_WARM_UP = 2


class GraphedGradients:
    """Replays a forward and a backward pass; the parameters' gradients are new after each call."""

    def __init__(self, loss: nn.Module, tokens: Tensor, targets: Tensor) -> None:
        """
        Args:
            loss: module from tokens and targets to a loss, whose kernels are all on one GPU.
            tokens, targets: a batch, whose shape every later one has; its gradients are dropped.
        """
        self._tokens, self._targets = tokens.clone(), targets.clone()
        parameters = [parameter for parameter in loss.parameters() if parameter.requires_grad]
        torch.cuda.empty_cache()  # blocks of this stream are of no use to the other one
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # kernels are compiled outside the graph
            for _ in range(_WARM_UP):
                loss(self._tokens, self._targets).backward()
                for parameter in parameters:
                    parameter.grad = None
        torch.cuda.current_stream().wait_stream(side)
        # What the warm-up kept for itself would lie beside the graph's own memory.
        torch.cuda.empty_cache()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            value = loss(self._tokens, self._targets)
            value.backward()
        # Without its autograd graph, whose nodes belong to the stream of the recording.
        self._loss = value.detach()
        del value
        self._gradients = [(parameter, parameter.grad) for parameter in parameters]

    def __call__(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Loss of the batch; every parameter's `grad` is that of this batch alone."""
        self._tokens.copy_(tokens)
        self._targets.copy_(targets)
        self._graph.replay()
        for parameter, gradient in self._gradients:
            parameter.grad = gradient
        return self._loss.clone()
