# SPDX-License-Identifier: Apache-2.0
"""The whole I-ViT machine: logits of pictures, and cycles of an image.

    python -m benchmarks.ivit_machine --csim 200 --rtl 20
    python -m benchmarks.ivit_machine --model deit-tiny --csim 1 --rtl 1

The model is the embedded one, or has a released shape and random weights. Every logit must be that
of the golden model. Pictures are random pixels; the shares of zeros and edges do not matter to a
machine of integers, whose cycles depend on sizes alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from codegen.ivit.blueprint import IvitBlueprint
from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.ivit.backends.machine import MachineVisionBackend
from pynq_driver.ivit.model import EMBEDDED_VISION_MODEL
from pynq_driver.ivit.performance import image_counts, measure_operations
from tritforge.boards import load_board
from tritforge.checks import check_integer
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.image import open_vision_image
from tritforge.ivit.machine.config import MachineConfig, machine_for
from tritforge.ivit.parameters import VisionParameters
from tritforge.ivit.random_parameters import random_parameters
from tritforge.ivit.shape import PRESETS, VisionWidths, preset
from tritforge_cli.ivit.cycles import cycle_lines
from tritforge_cli.machine import build_machine

_MOST_PICTURES = 10_000
_EMBEDDED = "embedded"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 1 if a logit differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ivit_machine", description=__doc__)
    for name in ("csim", "rtl"):
        parser.add_argument(
            f"--{name}", type=int, default=2, metavar="N", help=f"pictures in {name} (default: 2)"
        )
    parser.add_argument("--seed", type=int, default=1, help="of the pictures (default: 1)")
    parser.add_argument(
        "--model",
        choices=(_EMBEDDED, *PRESETS),
        default=_EMBEDDED,
        help="whose shape, with random weights (default: the embedded model)",
    )
    options = parser.parse_args(arguments)
    parameters = _parameters(options.model)
    config = machine_for(parameters.shape, widths=parameters.widths)
    failed = 0
    for backend in ("csim", "rtl"):
        count = check_integer(backend, getattr(options, backend), 0, _MOST_PICTURES)
        if count:
            failed += _run(backend, count, options.seed, parameters, config)
    return 1 if failed else 0


def _parameters(model: str) -> VisionParameters:
    if model == _EMBEDDED:
        return open_vision_image(EMBEDDED_VISION_MODEL).parameters
    return random_parameters(preset(model), VisionWidths())


def _run(
    backend: str, count: int, seed: int, parameters: VisionParameters, config: MachineConfig
) -> int:
    """Pictures of one backend; how many of them have another logit than the golden model."""
    shape = parameters.shape
    device = CompiledMachine(build_machine(backend, IvitBlueprint(config)))
    machine = MachineVisionBackend(backend, parameters, device, config)
    golden = IvitGoldenModel(parameters)
    size = (count, shape.image_size, shape.image_size, shape.channels)
    pixels = np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8)
    wrong, seconds = 0, []
    for picture in tqdm(pixels, desc=backend, unit="picture", disable=None, leave=False):
        started = time.perf_counter()
        found = machine.logits(picture[np.newaxis])
        seconds.append(time.perf_counter() - started)
        wrong += not np.array_equal(found, golden.logits(picture[np.newaxis]))
    print(
        f"{backend}: {count} pictures, {count - wrong} with all logits equal; "
        f"{np.median(seconds):.1f} s each (median)"
    )
    if backend == "rtl":
        print(f"cycles of an image: {machine.counters['cycles']:,}")
        measured = measure_operations(device, parameters, config, pixels[0])
        print("\n".join(cycle_lines(measured, shape.layers, load_board(config.board).clock_mhz)))
        estimate = image_counts(measured, shape.layers)["cycles"]
        print(f"sum of the operations: {estimate:,} cycles")
    device.close()
    return wrong


if __name__ == "__main__":
    sys.exit(main())
