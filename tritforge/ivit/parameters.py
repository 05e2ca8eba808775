# SPDX-License-Identifier: Apache-2.0
"""Integer parameters of a vision transformer: all that its golden model, engine and machine need.

A tree of frozen dataclasses whose leaves are named integer arrays, e.g.
`blocks.0.attention.qkv.weight`. `array_specifications` lists every leaf with shape, dtype and range
for the shape of a model; `VisionParameters.from_arrays` checks arrays against it and builds the
tree, `to_arrays` gives them back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ConfigurationError
from tritforge.ivit.shape import (
    ACCUMULATOR_BITS,
    PIXEL_VALUES,
    VisionShape,
    VisionUnits,
    VisionWidths,
)

Array = NDArray[Any]
_Tree = TypeVar("_Tree")

#: A product of a 33-bit number with a multiplier is below 2**63: this shift and every larger one
#: differ only where the result would be 0.
LARGEST_SHIFT = 63
LARGEST_MULTIPLIER = (1 << 31) - 1
LARGEST_ACCUMULATOR = (1 << (ACCUMULATOR_BITS - 1)) - 1
#: Requantised position embeddings may exceed the 16 bits of the sum that they enter, by one bit.
POSITION_BITS = 17
LARGEST_LOGIT_FRACTION = 24


@dataclass(frozen=True)
class ArraySpecification:
    """What one array must be.

    Attributes:
        smallest, largest: range of its values.
        mantissa: bits of a value without its trailing zeros, or None for no such limit.
    """

    shape: tuple[int, ...]
    dtype: str
    smallest: int
    largest: int
    mantissa: int | None = None


@dataclass(frozen=True)
class Requantisation:
    """Dyadic factors multiplier * 2**-shift, one for all channels or one per channel.

    Attributes:
        multiplier: (1,) or (channels,) int32; negative only behind a LayerNorm.
        shift: the same shape, uint8, 0 to 63.
    """

    multiplier: Array
    shift: Array


@dataclass(frozen=True)
class LinearParameters:
    """Linear layer and the requantisation of its sums.

    Attributes:
        weight: (outputs, inputs) int8.
        bias: (outputs,) int32 in units of the sums.
        requantisation: one factor per output.
    """

    weight: Array
    bias: Array
    requantisation: Requantisation


@dataclass(frozen=True)
class LayerNormParameters:
    """I-LayerNorm: bias (dim,) int32 in units of the normalised row, and the gain as factors."""

    bias: Array
    requantisation: Requantisation


@dataclass(frozen=True)
class ResidualParameters:
    """Factors of both summands of a residual add, each for all channels."""

    branch: Requantisation
    identity: Requantisation


@dataclass(frozen=True)
class PatchEmbeddingParameters:
    """Patches to tokens.

    Attributes:
        projection: inputs of a patch in the order row, column, colour.
        patches: from the projection's 16 bits to those of the residual stream.
        constant: (tokens, dim) int32, what is added: row 0 is the class token with its position,
            the other rows are the positions of the patches, in units of the residual stream.
    """

    projection: LinearParameters
    patches: Requantisation
    constant: Array


@dataclass(frozen=True)
class AttentionParameters:
    """Attention of one block.

    Attributes:
        qkv: outputs in the order query, key, value; head by head within each.
        scores: from sums of q * k to scores, 1 / sqrt(head_dim) included.
        x0_magnitude: (1,) int32, |x0| of Shiftmax.
        context: from sums of probability * v to the projection's input.
        projection: output projection.
    """

    qkv: LinearParameters
    scores: Requantisation
    x0_magnitude: Array
    context: Requantisation
    projection: LinearParameters


@dataclass(frozen=True)
class MlpParameters:
    """MLP of one block.

    Attributes:
        fc1: to the hidden channels.
        x0_magnitude: (1,) int32, |x0| of ShiftGELU.
        gelu: from x * sigmoid to the input of fc2.
        fc2: back to the channels of a token.
    """

    fc1: LinearParameters
    x0_magnitude: Array
    gelu: Requantisation
    fc2: LinearParameters


@dataclass(frozen=True)
class BlockParameters:
    """One block, in order of computation."""

    norm1: LayerNormParameters
    attention: AttentionParameters
    residual1: ResidualParameters
    norm2: LayerNormParameters
    mlp: MlpParameters
    residual2: ResidualParameters


@dataclass(frozen=True)
class HeadParameters:
    """Norm of the class token, classifier, and fraction bits of its logits, (1,) int32.

    The classifier's requantisation brings the scales of the classes to one: logits are 32-bit
    integers in units of 2**-logit_fraction.
    """

    norm: LayerNormParameters
    classifier: LinearParameters
    logit_fraction: Array


@dataclass(frozen=True)
class VisionParameters:
    """All integers of one model.

    Attributes:
        shape, widths: fix shape, dtype and range of every array.
        input_table: (channels, 256) int8: pixel value -> first activation, colour by colour.

    Raises:
        ConfigurationError: an array of the wrong shape, dtype or range, or sums that can overflow
            their accumulator; names the array, the value and the limit.
    """

    shape: VisionShape
    widths: VisionWidths
    input_table: Array
    patch_embedding: PatchEmbeddingParameters
    blocks: tuple[BlockParameters, ...]
    head: HeadParameters

    def __post_init__(self) -> None:
        arrays = self.to_arrays()
        specifications = array_specifications(self.shape, self.widths)
        _check_names(arrays, specifications)
        _check_arrays(arrays, specifications)
        for name, linear in self._linears():
            _check_sums(name, linear, self.widths)

    @property
    def units(self) -> VisionUnits:
        """Configurations of the row units."""
        return VisionUnits(self.shape, self.widths)

    def to_arrays(self) -> dict[str, Array]:
        """Every array by its name, in order of computation."""
        return dict(_leaves(self))

    @classmethod
    def from_arrays(
        cls, shape: VisionShape, widths: VisionWidths, arrays: Mapping[str, Array]
    ) -> VisionParameters:
        """Inverse of `to_arrays`; the arrays may come from an untrusted file.

        Raises:
            ConfigurationError: as the class, and for missing or unknown names.
        """
        _check_names(arrays, array_specifications(shape, widths))
        blocks = tuple(
            _tree(BlockParameters, f"blocks.{layer}.", arrays) for layer in range(shape.layers)
        )
        return cls(
            shape,
            widths,
            input_table=arrays["input_table"],
            patch_embedding=_tree(PatchEmbeddingParameters, "patch_embedding.", arrays),
            blocks=blocks,
            head=_tree(HeadParameters, "head.", arrays),
        )

    def _linears(self) -> Iterator[tuple[str, LinearParameters]]:
        yield "patch_embedding.projection", self.patch_embedding.projection
        for layer, block in enumerate(self.blocks):
            yield f"blocks.{layer}.attention.qkv", block.attention.qkv
            yield f"blocks.{layer}.attention.projection", block.attention.projection
            yield f"blocks.{layer}.mlp.fc1", block.mlp.fc1
            yield f"blocks.{layer}.mlp.fc2", block.mlp.fc2
        yield "head.classifier", self.head.classifier


def array_specifications(shape: VisionShape, widths: VisionWidths) -> dict[str, ArraySpecification]:
    """Every array of a model by its name, in order of computation."""
    units = VisionUnits(shape, widths)
    result: dict[str, ArraySpecification] = {}

    def add(name: str, dimensions: tuple[int, ...], dtype: str, low: int, high: int) -> None:
        result[name] = ArraySpecification(dimensions, dtype, low, high)

    def add_requantisation(name: str, channels: int = 1, is_gain: bool = False) -> None:
        result[f"{name}.multiplier"] = ArraySpecification(
            (channels,),
            "int32",
            smallest=-LARGEST_MULTIPLIER if is_gain else 0,
            largest=LARGEST_MULTIPLIER,
            mantissa=widths.gain if is_gain else widths.multiplier,
        )
        add(f"{name}.shift", (channels,), "uint8", 0, LARGEST_SHIFT)

    def add_linear(name: str, outputs: int, inputs: int) -> None:
        add(f"{name}.weight", (outputs, inputs), "int8", -128, 127)
        add(f"{name}.bias", (outputs,), "int32", -LARGEST_ACCUMULATOR, LARGEST_ACCUMULATOR)
        add_requantisation(f"{name}.requantisation", outputs)

    def add_norm(name: str) -> None:
        limit = (1 << (units.layer_norm.bias_bits - 1)) - 1
        add(f"{name}.bias", (shape.dim,), "int32", -limit, limit)
        add_requantisation(f"{name}.requantisation", shape.dim, is_gain=True)

    def add_residual(name: str) -> None:
        add_requantisation(f"{name}.branch")
        add_requantisation(f"{name}.identity")

    half = 1 << (widths.activation - 1)
    add("input_table", (shape.channels, PIXEL_VALUES), "int8", -half, half - 1)
    add_linear("patch_embedding.projection", shape.dim, shape.patch_inputs)
    add_requantisation("patch_embedding.patches")
    limit = (1 << (POSITION_BITS - 1)) - 1
    add("patch_embedding.constant", (shape.tokens, shape.dim), "int32", -limit, limit)
    for layer in range(shape.layers):
        block = f"blocks.{layer}"
        add_norm(f"{block}.norm1")
        add_linear(f"{block}.attention.qkv", 3 * shape.dim, shape.dim)
        add_requantisation(f"{block}.attention.scores")
        add(f"{block}.attention.x0_magnitude", (1,), "int32", 1, units.shiftmax.largest_x0)
        add_requantisation(f"{block}.attention.context")
        add_linear(f"{block}.attention.projection", shape.dim, shape.dim)
        add_residual(f"{block}.residual1")
        add_norm(f"{block}.norm2")
        add_linear(f"{block}.mlp.fc1", shape.hidden, shape.dim)
        add(f"{block}.mlp.x0_magnitude", (1,), "int32", 1, units.shiftgelu.largest_x0)
        add_requantisation(f"{block}.mlp.gelu")
        add_linear(f"{block}.mlp.fc2", shape.dim, shape.hidden)
        add_residual(f"{block}.residual2")
    add_norm("head.norm")
    add_linear("head.classifier", shape.classes, shape.dim)
    add("head.logit_fraction", (1,), "int32", 0, LARGEST_LOGIT_FRACTION)
    return result


def _check_names(
    arrays: Mapping[str, Array], specifications: Mapping[str, ArraySpecification]
) -> None:
    missing = [name for name in specifications if name not in arrays]
    unknown = [name for name in arrays if name not in specifications]
    if missing or unknown:
        raise ConfigurationError(
            f"arrays of the model: missing {missing[:3]} ({len(missing)} in all), "
            f"unknown {unknown[:3]} ({len(unknown)} in all)"
        )


def _check_arrays(
    arrays: Mapping[str, Array], specifications: Mapping[str, ArraySpecification]
) -> None:
    for name, expected in specifications.items():
        array = arrays[name]
        if array.shape != expected.shape or array.dtype != np.dtype(expected.dtype):
            raise ConfigurationError(
                f"{name} is {array.dtype} {array.shape}, not {expected.dtype} {expected.shape}"
            )
        smallest, largest = int(array.min()), int(array.max())
        if smallest < expected.smallest or largest > expected.largest:
            raise ConfigurationError(
                f"{name} reaches {smallest}..{largest}, outside "
                f"{expected.smallest}..{expected.largest}"
            )
        if expected.mantissa is not None:
            _check_mantissas(name, array, expected.mantissa)


def _check_mantissas(name: str, array: Array, bits: int) -> None:
    """Whether a multiplier of `bits` bits and a shift give every value."""
    magnitude = np.abs(array.astype(np.int64))
    mantissa = magnitude // np.maximum(magnitude & -magnitude, 1)
    worst = int(mantissa.argmax())
    if int(mantissa[worst]) >> bits:
        raise ConfigurationError(
            f"{name} is {array[worst]} in channel {worst}, which needs "
            f"{int(mantissa[worst]).bit_length()} bits, not {bits}: quantise the model with "
            "multipliers of this width"
        )


def _check_sums(name: str, linear: LinearParameters, widths: VisionWidths) -> None:
    """Whether no input can overflow the accumulator of any output."""
    largest_input = 1 << (widths.activation - 1)
    magnitudes = np.abs(linear.weight.astype(np.int64)).sum(axis=1)
    largest = np.abs(linear.bias.astype(np.int64)) + largest_input * magnitudes
    worst = int(largest.argmax())
    if int(largest[worst]) > LARGEST_ACCUMULATOR:
        raise ConfigurationError(
            f"{name}: output {worst} can reach {largest[worst]}, beyond the {ACCUMULATOR_BITS}-bit "
            f"accumulator's {LARGEST_ACCUMULATOR}: its bias of {linear.bias[worst]} is too large "
            "for the scale of its weights"
        )


def _leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, Array]]:
    for item in dataclasses.fields(tree):
        value = getattr(tree, item.name)
        if isinstance(value, np.ndarray):
            yield prefix + item.name, value
        elif isinstance(value, tuple):
            for index, element in enumerate(value):
                yield from _leaves(element, f"{prefix}{item.name}.{index}.")
        elif not isinstance(value, (VisionShape, VisionWidths)):
            yield from _leaves(value, f"{prefix}{item.name}.")


def _tree(kind: type[_Tree], prefix: str, arrays: Mapping[str, Array]) -> _Tree:
    values: dict[str, Any] = {}
    for name, hint in get_type_hints(kind).items():
        if dataclasses.is_dataclass(hint):
            values[name] = _tree(hint, f"{prefix}{name}.", arrays)  # type: ignore[arg-type]
        else:
            values[name] = arrays[prefix + name]
    return kind(**values)
