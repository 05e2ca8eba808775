# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of `benchmarks.fidelity_grid`, and what is measured of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from testing.checkpoint_editing import Tensors
from testing.random_conversion import Change, RandomConversion, distance, small_shape
from testing.upstream_model import Storage, UnquantisedModel, UpstreamModel
from tritforge.language_model.config import RELEASED_SHAPES, ModelShape
from tritforge.language_model.convert import ConversionOptions
from tritforge.language_model.convert.comparison import ConversionFidelity, compare
from tritforge.language_model.convert.tensor_shapes import EMBEDDING, LOWER_BOUNDS

STREAMS, POSITIONS = 16, 12
#: Upstream's types that stand beside the integers.
STORAGES = (Storage.FLOAT32, Storage.FLOAT16)


@dataclass(frozen=True)
class Case:
    """One checkpoint.

    Attributes:
        change: applied to the tensors of the random checkpoint.
        options: of the conversion.
        streams, positions: tokens that are compared.
    """

    name: str
    shape: ModelShape
    change: Change | None = None
    options: ConversionOptions = field(default_factory=ConversionOptions)
    streams: int = STREAMS
    positions: int = POSITIONS

    def convert(self, folder: Path) -> RandomConversion:
        """Write and convert the checkpoint in an empty folder."""
        return RandomConversion.make(
            folder, self.shape, self.streams, self.positions, self.change, self.options
        )


@dataclass
class Result:
    """Models of one checkpoint beside its float64 model.

    Attributes:
        integer: the integer model.
        upstream: upstream's arithmetic, by type.
        distance_ratio: from the model without codes: integers against codes alone.
        seconds: for all of it.
    """

    name: str
    integer: ConversionFidelity
    upstream: Mapping[str, ConversionFidelity]
    distance_ratio: float
    seconds: float


def _gains(factor: float, names: str = "") -> Change:
    """All gains of the norms whose names hold `names`, times a factor, in float32."""

    def change(tensors: Tensors) -> None:
        for name, tensor in tensors.items():
            if "norm" in name and names in name:
                tensors[name] = (tensor.astype(np.float32) * factor).astype(np.float32)

    return change


def _bounds(least: float) -> Change:
    """Lower bounds of that size in every layer but the first, in float32."""

    def change(tensors: Tensors) -> None:
        layers = len(tensors[LOWER_BOUNDS])
        # A softmax over the layers: the second one takes the share that all upper ones have.
        rows = np.zeros(layers)
        rows[1] = np.log(least / (1 - least)) + np.log(max(layers - 1, 1))
        rows[2:] = -50
        tensors[LOWER_BOUNDS] = np.repeat(rows[:, None], tensors[LOWER_BOUNDS].shape[1], 1).astype(
            np.float32
        )

    return change


def _float32(tensors: Tensors) -> None:
    """Other random weights in float32, which no 16-bit type holds."""
    random = np.random.default_rng(5)
    for name, tensor in tensors.items():
        noise = 1 + 2.0**-11 * random.standard_normal(tensor.shape)
        tensors[name] = (tensor.astype(np.float64) * noise).astype(np.float32)


def _bfloat16_values(tensors: Tensors) -> None:
    """The values rounded to bfloat16, stored in float32."""
    for name, tensor in tensors.items():
        bits = tensor.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        tensors[name] = bits.view(np.float32)


def _outlier(tensors: Tensors) -> None:
    """One embedding value of 100 standard deviations."""
    tensors[EMBEDDING][7, 7] = 100 * tensors[EMBEDDING].std(dtype=np.float32)


def cases(large: bool = True) -> list[Case]:
    """The grid.

    Args:
        large: with those that take minutes.
    """
    sizes = [(16, 1), (37, 2), (48, 1), (64, 1), (64, 4), (64, 40), (96, 2), (128, 2), (128, 12)]
    sizes += [(256, 4), (320, 3), (1024, 1)]
    grid = [Case(f"dim-{dim}-layers-{layers}", small_shape(dim, layers)) for dim, layers in sizes]
    usual = small_shape(128, 2)
    for factor in (0.01, 0.1, 10.0, 100.0, 1e-6):
        grid.append(Case(f"gains-{factor:g}", usual, _gains(factor)))
    for factor in (0.01, 100.0):
        grid.append(Case(f"output-gains-{factor:g}", usual, _gains(factor, "o_proj")))
        grid.append(Case(f"block-gains-{factor:g}", usual, _gains(factor, "attn_norm")))
    for bound in (0.5, 0.9, 0.95, 0.99, 0.999, 0.9999):
        grid.append(Case(f"bound-{bound:g}", small_shape(256, 2), _bounds(bound)))
    grid.append(Case("bound-0.999-layers-6", small_shape(128, 6), _bounds(0.999)))
    for name, change in (("float32", _float32), ("bfloat16", _bfloat16_values)):
        grid.append(Case(f"{name}-256-4", small_shape(256, 4), change))
        grid.append(Case(f"{name}-64-1", small_shape(64, 1), change))
    grid.append(Case("outlier", usual, _outlier))
    grid.append(Case("outlier-8-bits", usual, _outlier, ConversionOptions(embedding_bits=8)))
    if large:
        grid.append(Case("dim-2560-layers-1", small_shape(2560, 1), streams=4))
        grid.append(Case("370m", RELEASED_SHAPES["370m"], streams=8, positions=4))
    return grid


def measure(
    case: Case, folder: Path, progress: Callable[[str], None] = lambda what: None
) -> Result:
    """Write, convert and compare one checkpoint in an empty folder.

    Args:
        progress: called with what begins.
    """
    start = time.monotonic()
    progress("convert")
    model = case.convert(folder)
    progress("float64")
    expected = model.logits(model.reference)
    progress("integer")
    logits, choices, saturations = model.integers()
    upstream = {}
    for storage in STORAGES:
        progress(str(storage))
        upstream[str(storage)] = model.compare(UpstreamModel(model.reference, storage), expected)
    progress("without codes")
    smooth = model.logits(UnquantisedModel(model.reference))
    codes = distance(expected, smooth)
    return Result(
        case.name,
        compare(logits, choices, expected, saturations),
        upstream,
        distance(logits, smooth) / codes if codes else 1.0,
        time.monotonic() - start,
    )
