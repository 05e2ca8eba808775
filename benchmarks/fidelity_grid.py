# SPDX-License-Identifier: Apache-2.0
"""How faithful conversions are over many checkpoints: sizes, gains, slow gates, types, outliers.

    python -m benchmarks.fidelity_grid
    python -m benchmarks.fidelity_grid --only dim-64 --json

Every checkpoint has random weights and is converted as `tritforge convert` does by default. Random
tokens then go through the integer model and through the float64 model of the checkpoint as it is
stored. The agreement counts positions where the float model's best token leads by more than one per
cent of the logits' standard deviation.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from testing.checkpoint_editing import Tensors, edit_tensors
from tritforge.language_model.config import RELEASED_SHAPES, ModelShape, default_glu_width
from tritforge.language_model.convert import ConversionOptions, convert
from tritforge.language_model.convert.float_model import float_model
from tritforge.language_model.convert.random_checkpoint import (
    BEGIN_TOKEN,
    SMALLEST_VOCABULARY,
    write_random_checkpoint,
)
from tritforge.language_model.convert.tensor_shapes import EMBEDDING, LOWER_BOUNDS
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.image import open_image

#: Share of the logits' standard deviation by which a choice must lead to count.
MARGIN = 0.01
STREAMS, POSITIONS = 16, 12


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
    change: Callable[[Tensors], object] | None = None
    options: ConversionOptions = field(default_factory=ConversionOptions)
    streams: int = STREAMS
    positions: int = POSITIONS


@dataclass
class Result:
    """Integer model beside the float model of one checkpoint."""

    name: str
    logit_error: float
    agreement: float
    sure_positions: int
    saturations: Mapping[str, int] = field(default_factory=dict)


def _shape(dim: int, layers: int) -> ModelShape:
    """GLU width by upstream's rule, but no more than four times dim."""
    return ModelShape(dim, layers, min(default_glu_width(dim), 4 * dim), SMALLEST_VOCABULARY)


def _gains(factor: float, names: str = "") -> Callable[[Tensors], object]:
    """All gains of the norms whose names hold `names`, times a factor, in float32."""

    def change(tensors: Tensors) -> None:
        for name, tensor in tensors.items():
            if "norm" in name and names in name:
                tensors[name] = (tensor.astype(np.float32) * factor).astype(np.float32)

    return change


def _bounds(least: float) -> Callable[[Tensors], object]:
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
    grid = [Case(f"dim-{dim}-layers-{layers}", _shape(dim, layers)) for dim, layers in sizes]
    usual = _shape(128, 2)
    for factor in (0.01, 0.1, 10.0, 100.0, 1e-6):
        grid.append(Case(f"gains-{factor:g}", usual, _gains(factor)))
    for factor in (0.01, 100.0):
        grid.append(Case(f"output-gains-{factor:g}", usual, _gains(factor, "o_proj")))
        grid.append(Case(f"block-gains-{factor:g}", usual, _gains(factor, "attn_norm")))
    for bound in (0.5, 0.9, 0.95, 0.99, 0.999, 0.9999):
        grid.append(Case(f"bound-{bound:g}", _shape(256, 2), _bounds(bound)))
    grid.append(Case("bound-0.999-layers-6", _shape(128, 6), _bounds(0.999)))
    for name, change in (("float32", _float32), ("bfloat16", _bfloat16_values)):
        grid.append(Case(f"{name}-256-4", _shape(256, 4), change))
        grid.append(Case(f"{name}-64-1", _shape(64, 1), change))
    grid.append(Case("outlier", usual, _outlier))
    grid.append(Case("outlier-8-bits", usual, _outlier, ConversionOptions(embedding_bits=8)))
    if large:
        grid.append(Case("dim-2560-layers-1", _shape(2560, 1), streams=4))
        grid.append(Case("370m", RELEASED_SHAPES["370m"], streams=8, positions=4))
    return grid


def measure(case: Case, folder: Path) -> Result:
    """Write, convert and compare one checkpoint in an empty folder."""
    checkpoint, image = folder / "checkpoint", folder / "model.tritforge"
    write_random_checkpoint(checkpoint, case.shape)
    if case.change is not None:
        edit_tensors(checkpoint, case.change)
    convert(checkpoint, image, case.options)
    golden, reference = GoldenModel(open_image(image)), float_model(checkpoint)
    random = np.random.default_rng(1)
    tokens = random.integers(0, case.shape.vocabulary, (case.streams, case.positions))
    tokens[:, 0] = BEGIN_TOKEN
    state, float_state = golden.new_state(case.streams), reference.new_state(case.streams)
    squares = difference = 0.0
    same: list[bool] = []
    for position in range(case.positions):
        sums, logits = golden.step(state, tokens[:, position])
        expected = reference.step(float_state, tokens[:, position])
        integer = logits * 2.0**-golden.widths.logit_fraction
        squares += float(np.square(expected).sum())
        difference += float(np.square(integer - expected).sum())
        best = np.partition(expected, -2, axis=-1)[:, -2:]
        sure = best[:, 1] - best[:, 0] > MARGIN * expected.std(-1)
        same += (sums.argmax(-1) == expected.argmax(-1))[sure].tolist()
    return Result(
        case.name,
        float(np.sqrt(difference / squares)) if squares else 0.0,
        float(np.mean(same)) if same else 1.0,
        len(same),
        state.flags.by_name(),
    )


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", metavar="TEXT", default="", help="cases whose names hold TEXT")
    parser.add_argument("--small", action="store_true", help="without those that take minutes")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    options = parser.parse_args()
    chosen = [case for case in cases(not options.small) if options.only in case.name]
    for case in tqdm(chosen, unit="checkpoint", disable=None, leave=False):
        with tempfile.TemporaryDirectory() as folder:
            result = measure(case, Path(folder))
        if options.json:
            print(json.dumps(asdict(result)), flush=True)
            continue
        saturated = ", ".join(f"{name} {count}" for name, count in result.saturations.items())
        print(
            f"{result.name:<22}{100 * result.logit_error:8.2f} % error"
            f"{100 * result.agreement:8.1f} % of {result.sure_positions} same   {saturated}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
