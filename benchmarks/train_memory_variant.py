# SPDX-License-Identifier: Apache-2.0
"""One variant of `benchmarks.train_memory`: time, peak, what is kept, kernels by time."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.train_memory_peers import PeerModel, PlainBitLinear
from training.language_model.fused_model import FusedHGRNBit
from training.language_model.graphed_gradients import GraphedGradients
from training.language_model.model import HGRNBit, ModelLoss
from tritforge.language_model.config import ModelShape

_WARM_UP = 3
_PROFILE_ROWS = 40


def make_model(variant: str, shape: ModelShape) -> nn.Module:
    """Model of a variant on the GPU."""
    with torch.device("cuda"):
        if variant.startswith("ours"):
            return FusedHGRNBit(shape, recompute_glu="recompute" in variant)
        return PeerModel(
            shape,
            fla_bit_linear() if variant.startswith("fla") else PlainBitLinear,
            compiled=variant.startswith("compiled"),
            checkpointed=variant.endswith("checkpoint"),
        )


def fla_bit_linear() -> Any:
    """The class of flash-linear-attention."""
    from fla.modules.fused_bitlinear import FusedBitLinear

    return FusedBitLinear


def saved_tensors(model: nn.Module, tokens: Tensor, targets: Tensor) -> list[dict[str, Any]]:
    """What one forward pass keeps for the backward pass, parameters left out, by size."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    seen: dict[int, tuple[str, int]] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if tensor.is_cuda and storage.data_ptr() not in own:
            name = f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
            seen.setdefault(storage.data_ptr(), (name, storage.nbytes()))
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with hooks, torch.autocast("cuda", torch.bfloat16):
        loss = model.loss(tokens, targets)
    counts = Counter(seen.values())
    del loss
    rows = [
        {"tensor": name, "count": count, "MiB": count * size / 2**20}
        for (name, size), count in counts.items()
    ]
    return sorted(rows, key=lambda row: -row["MiB"])


def measure(
    variant: str, shape: ModelShape, batch: int, length: int, steps: int, profile: bool = False
) -> dict[str, Any]:
    """Times and peaks of one variant, in a process that has measured nothing before."""
    torch.manual_seed(0)
    model = make_model(variant, shape)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    tokens = torch.randint(0, shape.vocabulary, (batch, length), device="cuda")
    targets = torch.randint(0, shape.vocabulary, (batch, length), device="cuda")

    def eager(tokens: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast("cuda", torch.bfloat16):
            loss: Tensor = model.loss(tokens, targets)
        loss.backward()
        return loss.detach()

    def step() -> Tensor:
        loss = gradients(tokens, targets)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    gradients: Callable[[Tensor, Tensor], Tensor] = eager
    first = step()
    torch.cuda.reset_peak_memory_stats()
    if isinstance(model, HGRNBit) and not variant.endswith("eager"):
        # Recorded beside the optimiser's state. A replay takes the recording's memory, uncounted.
        gradients = GraphedGradients(ModelLoss(model), tokens, targets)
    for _ in range(_WARM_UP):
        step()
    torch.cuda.synchronize()
    standing = torch.cuda.memory_allocated()
    seconds = []
    for _ in range(steps):
        started = time.perf_counter()
        last = step()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    peak = torch.cuda.max_memory_allocated()
    reserved = torch.cuda.max_memory_reserved()
    if profile:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as found:
            step()
            torch.cuda.synchronize()
        print(found.key_averages().table(sort_by="cuda_time_total", row_limit=_PROFILE_ROWS))
    return {
        "variant": variant,
        "ms": 1e3 * statistics.median(seconds),
        "ms_best": 1e3 * min(seconds),
        "peak_gib": peak / 2**30,
        "reserved_gib": reserved / 2**30,
        "standing_gib": standing / 2**30,
        "first_loss": float(first),
        "last_loss": float(last),
        "saved": saved_tensors(model, tokens, targets),
    }
