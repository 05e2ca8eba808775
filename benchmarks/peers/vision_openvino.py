# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on the CPU."""

from __future__ import annotations

import time

import numpy as np
import openvino


class OpenVinoVision:
    """A file of vision_onnx; its QDQ nodes become OpenVINO's own quantisation."""

    def __init__(self, model: str, threads: int, batch: int) -> None:
        core = openvino.Core()
        network = core.read_model(model)
        size = [batch, *(axis.get_length() for axis in list(network.inputs[0].partial_shape)[1:])]
        network.reshape(size)
        options = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
        self._request = core.compile_model(network, "CPU", options).create_infer_request()
        self._images = np.random.default_rng(2).normal(0, 1, size).astype(np.float32)

    def classify(self) -> tuple[float, float]:
        """Seconds of one batch, on the clock and of processor time."""
        started, processor = time.perf_counter(), time.process_time()
        self._request.infer([self._images])
        return time.perf_counter() - started, time.process_time() - processor


def open_engine(model: str, threads: int, batch: int) -> OpenVinoVision:
    """See worker."""
    return OpenVinoVision(model, threads, batch)
