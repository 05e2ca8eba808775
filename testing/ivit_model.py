# SPDX-License-Identifier: Apache-2.0
"""Whole vision transformers with random weights: golden integers against the float reference.

python -m benchmarks.ivit_model [--model NAME] [--seeds N] [--images N] [--json]

Three tables, each over the same random weights and images, calibrated without training:

* error of the logits against the float64 reference, beside that of upstream's float32 arithmetic
  (testing/ivit_upstream_model.py) on the same scales;
* outputs that upstream's arithmetic changes, unit by unit, fed with the same integers;
* error of the logits with other widths than upstream's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testing.ivit_random_model import RandomModel
from testing.ivit_upstream import (
    FLOAT32,
    upstream_gelu,
    upstream_layer_norm,
    upstream_requantise,
    upstream_softmax,
)
from testing.ivit_upstream_model import UpstreamModel
from tritforge.errors import ConfigurationError
from tritforge.fixed_point import Int64Array
from tritforge.ivit import sites
from tritforge.ivit.golden import IvitGoldenModel, Trace, layer_norm, requantise, shiftgelu
from tritforge.ivit.golden.attention import PROBABILITIES
from tritforge.ivit.parameters import VisionParameters
from tritforge.ivit.quantise import ScaleFormat
from tritforge.ivit.shape import PRESETS, VisionShape, VisionWidths, preset

Array = NDArray[Any]

DEFAULT_MODEL = "deit-tiny"
#: Widths that differ from upstream's, and the format of all scales.
VARIANTS: dict[str, tuple[dict[str, int], ScaleFormat]] = {
    "upstream's": ({}, ScaleFormat.REAL),
    "multiplier 16, gain 16": ({"multiplier": 16, "gain": 16}, ScaleFormat.REAL),
    "multiplier 12, gain 12": ({"multiplier": 12, "gain": 12}, ScaleFormat.REAL),
    "multiplier 8, gain 8": ({"multiplier": 8, "gain": 8}, ScaleFormat.REAL),
    "multiplier 1, gain 12": ({"multiplier": 1, "gain": 12}, ScaleFormat.REAL),
    "the same, power-of-two scales": ({"multiplier": 1, "gain": 12}, ScaleFormat.POWER_OF_TWO),
    "probability 12": ({"probability": 12}, ScaleFormat.REAL),
    "probability 8": ({"probability": 8}, ScaleFormat.REAL),
    "residual 12": ({"residual": 12}, ScaleFormat.REAL),
    "residual 10": ({"residual": 10}, ScaleFormat.REAL),
    "shiftgelu_n 18": ({"shiftgelu_n": 18}, ScaleFormat.REAL),
}


@dataclass(frozen=True)
class ModelError:
    """Logits of one random model.

    Attributes:
        golden, upstream: L2 norm of the difference to the float reference over its norm, all
            images and classes together.
        between: of golden against upstream.
        golden_answers, upstream_answers: images whose largest logit is that of the reference.
        seconds: golden, one image.
    """

    model: str
    seed: int
    images: int
    golden: float
    upstream: float
    between: float
    golden_answers: int
    upstream_answers: int
    seconds: float


@dataclass(frozen=True)
class UnitDeviation:
    """Outputs of one kind of unit that upstream's float32 changes, on the same integers."""

    unit: str
    values: int
    unlike: int
    largest_difference: int


@dataclass(frozen=True)
class WidthError:
    """Error of the golden logits with one choice of widths, mean over the seeds."""

    widths: str
    error: float


def relative_error(values: Array, reference: Array) -> float:
    """L2 norm of the difference over that of the reference."""
    return float(np.linalg.norm(values - reference) / np.linalg.norm(reference))


def golden_logits(parameters: VisionParameters, pixels: Array, trace: Trace | None = None) -> Array:
    """Logits as reals."""
    golden = IvitGoldenModel(parameters)
    return golden.logits(pixels, trace) * 2.0**-golden.logit_fraction


def measure_model(name: str, shape: VisionShape, seed: int, images: int) -> ModelError:
    """One random model on random images that it was not calibrated with."""
    model = RandomModel(shape, seed)
    pixels = model.images(images, seed=seed + 1000)
    normalised = model.preprocessing.normalise(pixels)
    reference = model.reference.logits(normalised)
    parameters = model.parameters
    start = time.perf_counter()
    golden = golden_logits(parameters, pixels)
    seconds = (time.perf_counter() - start) / images
    upstream = UpstreamModel(shape, model.tensors, model.scales).logits(normalised)

    def answers(logits: Array) -> int:
        return int(np.count_nonzero(logits.argmax(1) == reference.argmax(1)))

    return ModelError(
        model=name,
        seed=seed,
        images=images,
        golden=relative_error(golden, reference),
        upstream=relative_error(upstream, reference),
        between=relative_error(golden, upstream),
        golden_answers=answers(golden),
        upstream_answers=answers(upstream),
        seconds=seconds,
    )


def measure_units(shape: VisionShape, seed: int = 0) -> list[UnitDeviation]:
    """Row units of all blocks for one image, golden and float32 fed with golden's integers."""
    model = RandomModel(shape, seed)
    trace: Trace = {}
    golden_logits(model.parameters, model.images(1, seed=seed + 1000), trace)
    found: dict[str, list[Int64Array]] = {}
    for layer in range(shape.layers):
        for unit, difference in _block_differences(model, layer, trace):
            found.setdefault(unit, []).append(difference.ravel())
    return [
        UnitDeviation(
            unit=unit,
            values=joined.size,
            unlike=int(np.count_nonzero(joined)),
            largest_difference=int(np.abs(joined).max()),
        )
        for unit, joined in ((unit, np.concatenate(parts)) for unit, parts in found.items())
    ]


def _block_differences(
    model: RandomModel, layer: int, trace: Trace
) -> Iterator[tuple[str, Int64Array]]:
    """Golden minus float32 of every row unit of a block."""
    units, widths, block = model.parameters.units, model.widths, model.parameters.blocks[layer]

    def site(name: str) -> Int64Array:
        return trace[sites.block_site(layer, name)]

    def scale(name: str) -> np.float32:
        return model.scales[sites.block_site(layer, name)]

    scores = site(sites.SCORES)
    probabilities = upstream_softmax(scores, float(scale(sites.SCORES)), 15, 16, FLOAT32)
    yield "Shiftmax", site(PROBABILITIES) - probabilities
    hidden = site(sites.HIDDEN)
    product = shiftgelu(hidden, int(block.mlp.x0_magnitude[0]), units.shiftgelu)
    upstream = upstream_gelu(hidden, float(scale(sites.HIDDEN)), 23, 8, FLOAT32)
    yield "ShiftGELU", product - upstream
    yield (
        "ShiftGELU, requantised",
        requantise(product, block.mlp.gelu, widths.activation)
        - requantise(upstream, block.mlp.gelu, widths.activation),
    )
    before = site(sites.ATTENTION_RESIDUAL)
    norm, name = block.norm2, f"blocks.{layer}.norm2"
    gain, bias = model.tensors[f"{name}.weight"], model.tensors[f"{name}.bias"]
    row = layer_norm(before, norm.bias, units.layer_norm)
    one = scale(sites.ATTENTION_RESIDUAL)
    reals, vector = upstream_layer_norm(before.astype(np.float32) * one, one, gain, bias)
    yield "I-LayerNorm", row - np.rint(reals / vector).astype(np.int64)
    codes = upstream_requantise(reals, vector, scale(sites.MLP_INPUT), widths.activation)
    yield "I-LayerNorm, requantised", site(sites.MLP_INPUT) - codes.astype(np.int64)
    rounded = row.astype(np.float64) * norm.requantisation.multiplier.astype(np.float64)
    in_float64 = np.rint(rounded / 2.0 ** norm.requantisation.shift.astype(np.float64))
    half = 1 << (widths.activation - 1)
    yield (
        "I-LayerNorm, requantised, product in float64 alone",
        requantise(row, norm.requantisation, widths.activation)
        - np.clip(in_float64, -half, half - 1).astype(np.int64),
    )


def measure_widths(shape: VisionShape, seeds: int, images: int) -> list[WidthError]:
    """Mean error of the golden logits for every entry of VARIANTS."""
    errors: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for seed in range(seeds):
        print(f"widths: seed {seed} of {seeds}", file=sys.stderr)
        model = RandomModel(shape, seed)
        pixels = model.images(images, seed=seed + 1000)
        reference = model.reference.logits(model.preprocessing.normalise(pixels))
        for name, (changes, scale_format) in VARIANTS.items():
            parameters = model.parameters_with(VisionWidths(**changes), scale_format=scale_format)
            errors[name].append(relative_error(golden_logits(parameters, pixels), reference))
    return [WidthError(name, float(np.mean(values))) for name, values in errors.items()]


def error_table(errors: Sequence[ModelError]) -> str:
    """One line per seed, then the mean."""
    lines = [
        f"{'logits against float64':>45}{'golden':>11}{'answers as float64':>23}{'golden':>9}",
        f"{'model':<14}{'seed':>5}{'images':>8}{'golden':>9}{'upstream':>9}{'- upstream':>11}"
        f"{'golden':>13}{'upstream':>10}{'s/image':>9}",
    ]
    lines += [
        f"{item.model:<14}{item.seed:>5}{item.images:>8}{item.golden:>9.2%}{item.upstream:>9.2%}"
        f"{item.between:>11.2%}{item.golden_answers:>13}{item.upstream_answers:>10}"
        f"{item.seconds:>9.2f}"
        for item in errors
    ]
    means = [float(np.mean([getattr(e, n) for e in errors])) for n in ("golden", "upstream")]
    lines.append(f"{'mean':<27}{means[0]:>9.2%}{means[1]:>9.2%}")
    return "\n".join(lines)


def unit_table(deviations: Sequence[UnitDeviation]) -> str:
    """One line per unit."""
    lines = [
        f"{'golden unlike float32, same integers':<52}{'values':>10}{'unlike':>9}{'by up to':>10}"
    ]
    lines += [
        f"{item.unit:<52}{item.values:>10}{item.unlike / item.values:>9.3%}"
        f"{item.largest_difference:>10}"
        for item in deviations
    ]
    return "\n".join(lines)


def width_table(errors: Sequence[WidthError]) -> str:
    """One line per choice of widths."""
    lines = [f"{'widths':<32}{'logits against float64':>24}"]
    lines += [f"{item.widths:<32}{item.error:>24.2%}" for item in errors]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL, help=", ".join(PRESETS))
    parser.add_argument("--seeds", type=int, default=4, metavar="N", help="random models")
    parser.add_argument("--images", type=int, default=8, metavar="N", help="images of each")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    options = parser.parse_args(argv)
    try:
        shape = preset(options.model)
        if min(options.seeds, options.images) < 1:
            raise ConfigurationError("--seeds and --images: give 1 or more")
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    errors = []
    for seed in range(options.seeds):
        print(f"seed {seed} of {options.seeds}", file=sys.stderr)
        errors.append(measure_model(options.model, shape, seed, options.images))
    units = measure_units(shape)
    widths = measure_widths(shape, options.seeds, options.images)
    if options.json:
        tables: dict[str, Sequence[Any]] = {"errors": errors, "units": units, "widths": widths}
        print(json.dumps({k: [asdict(i) for i in v] for k, v in tables.items()}, indent=2))
    else:
        print("\n\n".join((error_table(errors), unit_table(units), width_table(widths))))
    return 0
