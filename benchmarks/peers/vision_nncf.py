# SPDX-License-Identifier: Apache-2.0
"""A float ONNX file quantised for OpenVINO as its makers recommend: NNCF, post-training.

    build/peers/bin/python -m benchmarks.peers.vision_nncf folder/float32.onnx -o folder/nncf.xml

Calibrated on the random images of `vision_onnx`; `model_type` transformer leaves softmax, norms and
residual stream in float32, the preset MIXED gives activations a zero point.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import nncf
import numpy as np
import openvino
from numpy.typing import NDArray

from benchmarks.peers.vision_onnx import CALIBRATION_IMAGES, RandomImages


def images(shape: dict[str, int]) -> Iterator[NDArray[np.float32]]:
    """The calibration images, one at a time."""
    reader = RandomImages(shape)
    while (entry := reader.get_next()) is not None:
        yield entry["images"]


def write_model(source: Path, output: Path) -> None:
    """Quantise and save."""
    network = openvino.Core().read_model(str(source))
    _, channels, size, _ = network.inputs[0].partial_shape
    shape = {"channels": channels.get_length(), "image_size": size.get_length()}
    quantised = nncf.quantize(
        network,
        nncf.Dataset(list(images(shape))),
        preset=nncf.QuantizationPreset.MIXED,
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=CALIBRATION_IMAGES,
    )
    openvino.save_model(quantised, str(output), compress_to_fp16=False)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path, help="float32.onnx of vision_onnx")
    parser.add_argument("-o", "--output", type=Path, required=True, help=".xml of OpenVINO")
    options = parser.parse_args()
    write_model(options.source, options.output)


if __name__ == "__main__":
    main()
