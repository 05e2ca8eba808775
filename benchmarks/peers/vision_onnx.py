# SPDX-License-Identifier: Apache-2.0
"""Vision transformers of a shape with random weights as ONNX files, for the engines that read them.

    build/peers/bin/python -m benchmarks.peers.vision_onnx '{"dim": 192, ...}' -o folder

Writes `float32.onnx`, and `int8.onnx`: statically quantised, QDQ, int8 weights per channel and
uint8 activations (the fastest on x86), calibrated on random images.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

#: Gelu as one operation.
OPSET = 20
CALIBRATION_IMAGES = 8


class Graph:
    """Nodes and weights of a network."""

    def __init__(self, seed: int = 0) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(seed)

    def apply(self, kind: str, *inputs: str, **attributes: object) -> str:
        """Output of a new node."""
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, values: NDArray[np.generic]) -> str:
        """A tensor."""
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def random(self, *shape: int, scale: float = 1.0) -> str:
        """A random float tensor."""
        return self.constant(self._random.normal(0, scale, shape).astype(np.float32))

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        """x times a matrix, and a bias."""
        product = self.apply("MatMul", x, self.random(inputs, outputs, scale=inputs**-0.5))
        return self.apply("Add", product, self.random(outputs, scale=0.1))

    def norm(self, x: str, dim: int) -> str:
        """LayerNorm over channels."""
        gain, bias = self.random(dim), self.random(dim, scale=0.1)
        return self.apply("LayerNormalization", x, gain, bias, axis=-1, epsilon=1e-6)

    def reshape(self, x: str, *shape: int) -> str:
        """Another shape: 0 keeps its axis, -1 takes what is left."""
        return self.apply("Reshape", x, self.constant(np.array(shape, np.int64)))


def vision_transformer(shape: Mapping[str, int]) -> onnx.ModelProto:
    """Images (batch, channels, height, width) to logits (batch, classes)."""
    graph, dim, heads, hidden = Graph(), shape["dim"], shape["heads"], shape["hidden"]
    size, patch, channels = shape["image_size"], shape["patch_size"], shape["channels"]
    head_dim, patches = dim // heads, (size // patch) ** 2

    weight, bias = graph.random(dim, channels, patch, patch, scale=0.03), graph.random(dim)
    x = graph.apply("Conv", "images", weight, bias, strides=[patch, patch])
    x = graph.apply("Transpose", graph.reshape(x, 0, 0, patches), perm=[0, 2, 1])
    pads = graph.constant(np.array([0, 1, 0, 0, 0, 0], np.int64))
    x = graph.apply("Add", graph.apply("Pad", x, pads), graph.random(1, patches + 1, dim))
    for _ in range(shape["layers"]):
        qkv = graph.linear(graph.norm(x, dim), dim, 3 * dim)
        qkv = graph.reshape(qkv, 0, 0, 3, heads, head_dim)
        parts = []
        for index, order in enumerate(([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])):
            at = graph.constant(np.array(index, np.int64))
            parts.append(
                graph.apply("Transpose", graph.apply("Gather", qkv, at, axis=2), perm=order)
            )
        query, key, value = parts
        factor = graph.constant(np.array(head_dim**-0.5, np.float32))
        scores = graph.apply("Mul", graph.apply("MatMul", query, key), factor)
        context = graph.apply("MatMul", graph.apply("Softmax", scores, axis=-1), value)
        context = graph.reshape(graph.apply("Transpose", context, perm=[0, 2, 1, 3]), 0, 0, dim)
        x = graph.apply("Add", x, graph.linear(context, dim, dim))
        inner = graph.apply("Gelu", graph.linear(graph.norm(x, dim), dim, hidden))
        x = graph.apply("Add", x, graph.linear(inner, hidden, dim))
    first = graph.apply("Gather", x, graph.constant(np.array(0, np.int64)), axis=1)
    logits = graph.linear(graph.norm(first, dim), dim, shape["classes"])
    graph.nodes.append(helper.make_node("Identity", [logits], ["logits"]))
    images = helper.make_tensor_value_info(
        "images", TensorProto.FLOAT, ["batch", channels, size, size]
    )
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", shape["classes"]])
    return helper.make_model(
        helper.make_graph(graph.nodes, "vision", [images], [output], graph.weights),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=9,
    )


class RandomImages:
    """Images of the distribution of a normalised picture, a CalibrationDataReader."""

    def __init__(self, shape: Mapping[str, int]) -> None:
        random = np.random.default_rng(1)
        size = (1, shape["channels"], shape["image_size"], shape["image_size"])
        self._images: Iterator[dict[str, NDArray[np.float32]]] = iter(
            [
                {"images": random.normal(0, 1, size).astype(np.float32)}
                for _ in range(CALIBRATION_IMAGES)
            ]
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next image, or None."""
        return next(self._images, None)


def write_models(shape: Mapping[str, int], folder: Path) -> None:
    """Both files."""
    folder.mkdir(parents=True, exist_ok=True)
    plain, prepared = folder / "float32.onnx", folder / "prepared.onnx"
    onnx.save(vision_transformer(shape), plain)
    quant_pre_process(plain, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        folder / "int8.onnx",
        RandomImages(shape),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "MatMul"],
    )
    prepared.unlink()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shape", type=json.loads, help="JSON of the fields of VisionShape")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the files")
    options = parser.parse_args()
    write_models(options.shape, options.output)


if __name__ == "__main__":
    main()
