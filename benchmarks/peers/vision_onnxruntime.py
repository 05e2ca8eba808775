# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the CPU."""

from __future__ import annotations

import time

import numpy as np
import onnxruntime


class OnnxRuntimeVision:
    """A file of vision_onnx."""

    def __init__(self, model: str, threads: int, batch: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        size = (batch, *self._session.get_inputs()[0].shape[1:])
        self._images = np.random.default_rng(2).normal(0, 1, size).astype(np.float32)

    def classify(self) -> tuple[float, float]:
        """Seconds of one batch, on the clock and of processor time."""
        started, processor = time.perf_counter(), time.process_time()
        self._session.run(None, {"images": self._images})
        return time.perf_counter() - started, time.process_time() - processor


def open_engine(model: str, threads: int, batch: int) -> OnnxRuntimeVision:
    """See worker."""
    return OnnxRuntimeVision(model, threads, batch)
