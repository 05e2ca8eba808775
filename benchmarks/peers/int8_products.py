# SPDX-License-Identifier: Apache-2.0
"""The int8 matrix products of PyTorch's and ONNX Runtime's libraries, in the layers of a model.

PyTorch has FBGEMM, oneDNN (`_int_mm` gives its sums, the engine requantised results) and QNNPACK,
ONNX Runtime has MLAS. Without VNNI some of them use VPMADDUBSW, which saturates.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Int8Array = NDArray[np.int8]
#: Gives the results of inputs (rows, K) int8 times one matrix.
Multiply = Callable[[], Any]

_ENGINES = {"FBGEMM": "fbgemm", "oneDNN": "onednn", "QNNPACK": "qnnpack"}
#: Rows, columns and inputs of the test for exactness; long sums of extreme numbers.
_TEST = (64, 32, 768)


def _quantised(library: str, x: Int8Array, weight: Int8Array, scale: float) -> Multiply:
    """Requantised results (rows, columns) uint8 by a quantised linear layer of PyTorch."""
    warnings.filterwarnings("ignore", message="torch.quantize_per_tensor")
    torch.backends.quantized.engine = _ENGINES[library]
    packed = torch.ops.quantized.linear_prepack(
        torch._make_per_tensor_quantized_tensor(torch.from_numpy(weight), 1.0, 0), None
    )
    unsigned = torch.from_numpy(_unsigned(x))
    inputs = torch._make_per_tensor_quantized_tensor(unsigned, 1.0, 128)

    def multiply() -> NDArray[np.uint8]:
        torch.backends.quantized.engine = _ENGINES[library]
        found: NDArray[np.uint8] = (
            torch.ops.quantized.linear(inputs, packed, scale, 128).int_repr().numpy()
        )
        return found

    return multiply


def _integer_sums(x: Int8Array, weight: Int8Array) -> Multiply:
    """Sums (rows, columns) int32 of PyTorch's `_int_mm`."""
    left, right = torch.from_numpy(x), torch.from_numpy(weight).t()
    return lambda: torch._int_mm(left, right).numpy()


def _unsigned(values: Int8Array) -> NDArray[np.uint8]:
    """Values with the zero point 128."""
    return (values.astype(np.int16) + 128).astype(np.uint8)


def _matmul_integer(x: Int8Array, weight: NDArray[np.int8] | NDArray[np.uint8]) -> Multiply:
    """Sums (rows, columns) int32 of ONNX Runtime's MatMulInteger."""
    zeros = ["zero"] * (2 if weight.dtype == np.uint8 else 1)
    node = helper.make_node("MatMulInteger", ["x", "weight", *zeros], ["sums"])
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, list(x.shape))],
        [helper.make_tensor_value_info("sums", TensorProto.INT32, [len(x), len(weight)])],
        [
            numpy_helper.from_array(np.ascontiguousarray(weight.T), "weight"),
            numpy_helper.from_array(np.array(128, np.uint8), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    unsigned = _unsigned(x)
    return lambda: session.run(None, {"x": unsigned})[0]


class Int8Products:
    """The linear layers of all blocks by one library, on one thread."""

    def __init__(self, library: str, shape: Mapping[str, int]) -> None:
        torch.set_num_threads(1)
        self._library = library
        self._random = np.random.default_rng(0)
        dim, hidden = shape["dim"], shape["hidden"]
        tokens = (shape["image_size"] // shape["patch_size"]) ** 2 + 1
        sizes = [(3 * dim, dim), (dim, dim), (hidden, dim), (dim, hidden)] * shape["layers"]
        self._products = [
            self._open(self._int8(tokens, inputs), self._int8(outputs, inputs))
            for outputs, inputs in sizes
        ]
        self._multiply_adds = sum(tokens * outputs * inputs for outputs, inputs in sizes)

    def _int8(self, *size: int) -> Int8Array:
        return self._random.integers(-127, 128, size).astype(np.int8)

    def _open(self, x: Int8Array, weight: Int8Array, scale: float = 4096.0) -> Multiply:
        if self._library == "oneDNN, sums":
            return _integer_sums(x, weight)
        if self._library == "MLAS, sums":
            return _matmul_integer(x, weight)
        if self._library == "MLAS uint8, sums":
            return _matmul_integer(x, _unsigned(weight))
        return _quantised(self._library, x, weight, scale)

    def product_rate(self) -> float:
        """Multiply-adds per second of processor time."""
        for multiply in self._products:
            multiply()
        started = time.process_time()
        for multiply in self._products:
            multiply()
        return self._multiply_adds / (time.process_time() - started)

    def wrong(self) -> float:
        """Share of results that are not the exact product, of random inputs and weights.

        Requantised results count as wrong from a difference of two units on.
        """
        rows, columns, inputs = _TEST
        x, weight = self._int8(rows, inputs), self._int8(columns, inputs)
        exact = x.astype(np.int64) @ weight.astype(np.int64).T
        scale = float(np.abs(exact).max() / 127)
        found = np.asarray(self._open(x, weight, scale)()).astype(np.int64)
        if self._library.endswith("sums"):
            return float((found != exact).mean())
        wanted = np.clip(np.rint(exact / scale) + 128, 0, 255)
        return float((np.abs(found - wanted) > 1).mean())


def open_engine(library: str, shape: Mapping[str, int]) -> Int8Products:
    """See worker."""
    return Int8Products(library, shape)
