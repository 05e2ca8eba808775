# SPDX-License-Identifier: Apache-2.0
"""Parts of a model for a pipeline of devices: consecutive layers, the last ones with the head.

Between two parts travels the residual stream of a token: dim integers. Embedding rows are looked up
by the first part. The integers of a token are the same however a model is split.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from tritforge.errors import ConfigurationError
from tritforge.language_model.config import ModelShape
from tritforge.language_model.image_header import ImageHeader
from tritforge.language_model.program import (
    RECORD_HEADER,
    OperationKind,
    OperationShape,
    operation_shapes,
)


@dataclass(frozen=True)
class ModelPart:
    """Consecutive layers of a model.

    Attributes:
        first_layer: of them, from 0.
        layers: how many, at least 1.
        has_head: they are the last ones, and the head follows.
    """

    first_layer: int
    layers: int
    has_head: bool

    @property
    def end_layer(self) -> int:
        """The layer after the last one."""
        return self.first_layer + self.layers

    def has(self, operation: OperationShape) -> bool:
        """Whether an operation of the whole program belongs to this part."""
        if operation.kind is OperationKind.EMBED:
            return self.first_layer == 0
        if operation.kind is OperationKind.HEAD:
            return self.has_head
        return self.first_layer <= operation.layer < self.end_layer

    def shape(self, whole: ModelShape) -> ModelShape:
        """The shape of the model with the layers of this part alone."""
        return replace(whole, layers=self.layers)

    def weight_range(self, header: ImageHeader) -> tuple[int, int]:
        """First byte of the part in the weight stream, and the byte after its last one."""
        items = [(item, header.operation_bytes(item)) for item in _with_weights(header)]
        return _range(self, items)

    def parameter_range(self, header: ImageHeader) -> tuple[int, int]:
        """First byte of the part in the parameter stream, and the byte after its last one."""
        size = RECORD_HEADER.itemsize
        shapes = operation_shapes(header.shape)
        return _range(self, [(item, size + item.payload_bytes) for item in shapes])


def whole_model(header: ImageHeader) -> ModelPart:
    """All layers and the head."""
    return ModelPart(0, header.shape.layers, True)


def split_model(header: ImageHeader, count: int) -> tuple[ModelPart, ...]:
    """Parts of which the largest has as few bytes of weights as possible.

    Args:
        count: of parts, 1 to the number of layers.

    Raises:
        ConfigurationError: there are not so many layers.
    """
    layers = header.shape.layers
    if not 1 <= count <= layers:
        raise ConfigurationError(
            f"{layers} layers cannot be split into {count} parts: give 1 to {layers} boards"
        )
    head = sum(
        header.operation_bytes(item)
        for item in _with_weights(header)
        if item.kind is OperationKind.HEAD
    )
    layer = (sum(map(header.operation_bytes, _with_weights(header))) - head) // layers
    if count == 1:
        return (whole_model(header),)

    def largest(last: int) -> tuple[int, int]:
        """Bytes of the largest part if the last one has so many layers; then, few other layers."""
        return max(-(-(layers - last) // (count - 1)) * layer, last * layer + head), -last

    last = min(range(1, layers - count + 2), key=largest)
    sizes = _even(layers - last, count - 1) + [last]
    starts = itertools.accumulate(sizes, initial=0)
    return tuple(
        ModelPart(first, size, first + size == layers) for first, size in zip(starts, sizes)
    )


def _even(total: int, count: int) -> list[int]:
    """Whole numbers that add up to `total` and differ by 1 at most, the larger ones first."""
    return [(total + count - 1 - index) // count for index in range(count)]


def _with_weights(header: ImageHeader) -> list[OperationShape]:
    return [item for item in operation_shapes(header.shape) if item.matrices]


def _range(part: ModelPart, items: list[tuple[OperationShape, int]]) -> tuple[int, int]:
    ends = list(itertools.accumulate((size for _, size in items), initial=0))
    own = [index for index, (item, _) in enumerate(items) if part.has(item)]
    return ends[own[0]], ends[own[-1] + 1]
