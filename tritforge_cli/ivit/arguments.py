# SPDX-License-Identifier: Apache-2.0
"""Argument pieces that commands on vision models share."""

from __future__ import annotations

import argparse
from pathlib import Path

from pynq_driver.ivit.backends.opening import (
    AUTOMATIC,
    VISION_BACKEND_NAMES,
    CompiledVisionMachine,
)
from pynq_driver.ivit.model import VisionModel, load_vision
from tritforge.ivit.image import VisionImage

_BACKENDS = {
    AUTOMATIC: "cpu where the engine is built, else golden",
    "cpu": "C++ engine",
    "golden": "NumPy integer model, same logits",
    "float": "float64 reference",
    "csim": "C-simulation of the machine, same logits",
    "rtl": "its Verilated SystemVerilog, same logits",
}


def add_vision_arguments(parser: argparse.ArgumentParser) -> None:
    """--model, --backend and --threads for a vision model."""
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="model image of kind ivit (default: the embedded Fashion-MNIST model)",
    )
    parser.add_argument(
        "--backend",
        choices=VISION_BACKEND_NAMES,
        default=AUTOMATIC,
        help="; ".join(f"{name}: {_BACKENDS[name]}" for name in VISION_BACKEND_NAMES)
        + " (default: %(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="for --backend cpu (default: the cores of one NUMA node that this process may use)",
    )


def load_vision_model(options: argparse.Namespace) -> VisionModel:
    """Open the model that the arguments name.

    Raises:
        TritforgeError: the file or the backend cannot be used.
    """
    backend = options.backend or AUTOMATIC

    def machine(image: VisionImage) -> CompiledVisionMachine:
        # Imported late: the other backends run without the generator's tools.
        from tritforge_cli.ivit.machine import vision_machine_for

        return vision_machine_for(backend, image)

    return load_vision(options.model, backend, options.threads, machine)
