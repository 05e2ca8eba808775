# SPDX-License-Identifier: Apache-2.0
"""Write a random-weight Hugging Face HGRNBit checkpoint with the exact shapes of a released one.

python -m benchmarks.make_random_checkpoint --shape 370m -o DIR [--seed S]
python -m benchmarks.make_random_checkpoint --dim 512 --layers 8 [--glu-width 1536]
    [--vocabulary 32000] -o DIR

Time, memory and file sizes depend on the shapes alone, so benchmarks need no download.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from tritforge.errors import TritforgeError
from tritforge.language_model.config import RELEASED_SHAPES, ModelShape, default_glu_width
from tritforge.language_model.convert.random_checkpoint import write_random_checkpoint
from tritforge.language_model.convert.tensor_shapes import expected_shapes

DEFAULT_VOCABULARY = 32000


def parse_arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--shape", choices=tuple(RELEASED_SHAPES), help="shape of a released checkpoint"
    )
    parser.add_argument("--dim", type=int, help="model width, instead of --shape")
    parser.add_argument("--layers", type=int, help="number of layers, with --dim")
    parser.add_argument("--glu-width", type=int, help="default: 8/3 of dim, rounded up to 256")
    parser.add_argument("--vocabulary", type=int, help=f"default: {DEFAULT_VOCABULARY}")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights (default 0)")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="new or empty directory to fill"
    )
    arguments = parser.parse_args()
    numbers = [arguments.dim, arguments.layers, arguments.glu_width, arguments.vocabulary]
    if arguments.shape and any(number is not None for number in numbers):
        parser.error("--shape fixes --dim, --layers, --glu-width and --vocabulary: drop one side")
    if not arguments.shape and (arguments.dim is None or arguments.layers is None):
        parser.error("give --shape, or --dim and --layers")
    if arguments.seed < 0:
        parser.error(f"--seed {arguments.seed} must not be negative")
    return arguments


def model_shape(arguments: argparse.Namespace) -> ModelShape:
    """Model shape that the command line asks for."""
    if arguments.shape:
        return RELEASED_SHAPES[arguments.shape]
    dim, glu_width, vocabulary = arguments.dim, arguments.glu_width, arguments.vocabulary
    return ModelShape(
        dim=dim,
        layers=arguments.layers,
        glu_width=default_glu_width(dim) if glu_width is None else glu_width,
        vocabulary=DEFAULT_VOCABULARY if vocabulary is None else vocabulary,
    )


def main() -> int:
    """Write the checkpoint; returns the exit status."""
    arguments = parse_arguments()
    output: Path = arguments.output
    try:
        shape = model_shape(arguments)
        # Files of another checkpoint beside the new ones would be read with it.
        if output.exists() and any(output.iterdir()):
            raise TritforgeError(f"{output} is not empty: give a new or an empty directory")
        total = len(expected_shapes(shape))
        with tqdm(total=total, unit="tensor", desc=str(output), disable=None) as bar:
            write_random_checkpoint(output, shape, arguments.seed, lambda name: bar.update())
    except TritforgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: cannot write {output}: {error.strerror or error}", file=sys.stderr)
        return 2
    size = sum(path.stat().st_size for path in output.iterdir())
    print(f"{output}: {shape.ternary_weights:,} ternary weights, {size / 1e6:,.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
