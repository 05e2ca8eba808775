# SPDX-License-Identifier: Apache-2.0
"""Which roundings separate an integer model from its checkpoint, and what any rounding does to it.

    python -m benchmarks.rounding_sources
    python -m benchmarks.rounding_sources --case gains-0.01

A checkpoint of `benchmarks.fidelity_grid` goes through its float64 model, and beside it: the
integer model; upstream's arithmetic in three types; the float64 model with noise on its own
embedding; the float64 model with one of the integer model's roundings, and with all but that one;
and with all roundings made finer. int8 codes are part of every model, so a value that moves a
little rounds some codes the other way, and each of those moves all values after it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from testing.fidelity_grid import cases
from testing.random_conversion import RandomConversion
from testing.rounded_model import EVERY_ROUNDING, RoundedModel, Rounding
from testing.upstream_model import Storage, UpstreamModel
from tritforge.language_model.convert.comparison import ConversionFidelity, compare
from tritforge.language_model.float_parameters import FloatArray
from tritforge.language_model.reference import FloatModel

NOISES = (1e-7, 1e-6, 1e-5, 1e-4)
MORE_BITS = (1, 2, 4, 6, 8)


class NoisyModel(FloatModel):
    """Float64 model of a checkpoint with relative Gaussian noise on its embedding."""

    def __init__(self, source: FloatModel, noise: float) -> None:
        """
        Args:
            noise: standard deviation, of every value of the embedding.
        """
        super().__init__(*source.parts)
        random = np.random.default_rng(2)
        self._embedding = self._embedding * (
            1 + noise * random.standard_normal(self._embedding.shape)
        )


def variants(model: RandomConversion) -> Iterator[tuple[str, FloatModel]]:
    """Models of the checkpoint that are not its float64 model, by what they differ in."""
    reference, image = model.reference, model.image
    for storage in Storage:
        yield f"upstream in {storage}", UpstreamModel(reference, storage)
    for noise in NOISES:
        yield f"float64, embedding noise {noise:g}", NoisyModel(reference, noise)
    for rounding in Rounding:
        yield f"float64, rounded: {rounding}", RoundedModel(reference, image, {rounding})
    for rounding in Rounding:
        others = EVERY_ROUNDING - {rounding}
        yield f"integers, exact: {rounding}", RoundedModel(reference, image, others)
    for bits in MORE_BITS:
        finer = RoundedModel(reference, image, more_bits=bits)
        yield f"integers, {bits} more bits everywhere", finer


def measure(model: RandomConversion) -> Iterator[tuple[str, ConversionFidelity]]:
    """Everything beside the float64 model, the integer model first."""
    expected: FloatArray = model.logits(model.reference)
    logits, choices, saturations = model.integers()
    yield "integers", compare(logits, choices, expected, saturations)
    for name, other in variants(model):
        yield name, model.compare(other, expected)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    every = {case.name: case for case in cases()}
    parser.add_argument(
        "--case",
        choices=every,
        default="dim-256-layers-4",
        metavar="NAME",
        help="checkpoint of benchmarks.fidelity_grid (default: %(default)s)",
    )
    case = every[parser.parse_args().case]
    with tempfile.TemporaryDirectory() as folder:
        model = case.convert(Path(folder))
        print(f"{'':<36}{'error':>9}{'same next token':>18}", flush=True)
        for name, result in tqdm(measure(model), unit="model", disable=None, leave=False):
            figures = f"{100 * result.logit_error:7.2f} %{100 * result.agreement:16.1f} %"
            tqdm.write(f"{name:<36}{figures}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
