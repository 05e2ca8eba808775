# SPDX-License-Identifier: Apache-2.0
"""Size of a vision transformer, the widths of its signals, and the units that follow from both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from tritforge.checks import check_integer
from tritforge.errors import ConfigurationError
from tritforge.ivit.config import (
    NUMERATOR,
    CheckedParameters,
    LayerNormConfig,
    ShiftgeluConfig,
    ShiftmaxConfig,
    parameter,
)

#: Sums of products, biases and requantised logits.
ACCUMULATOR_BITS = 32
BIAS_BITS = 32
#: Weights and everything else that is multiplied in an array, signed.
LARGEST_OPERAND = 128
PIXEL_VALUES = 256


@dataclass(frozen=True)
class VisionShape(CheckedParameters):
    """Dimensions of a ViT or DeiT: square images, square patches, one class token.

    Raises:
        ConfigurationError: names the value, the allowed range and the fix.
    """

    image_size: int = parameter((2, 1024), "height and width of an image in pixels")
    patch_size: int = parameter((1, 64), "height and width of a patch in pixels")
    channels: int = parameter((1, 4), "colours of a pixel")
    dim: int = parameter((2, 4096), "channels of a token")
    heads: int = parameter((1, 64), "attention heads")
    layers: int = parameter((1, 64), "blocks of attention and MLP")
    hidden: int = parameter((2, 8192), "hidden channels of the MLP")
    classes: int = parameter((2, 65536), "classes of the head")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.image_size % self.patch_size:
            raise ConfigurationError(
                f"image_size = {self.image_size} is not a multiple of patch_size = "
                f"{self.patch_size}: give a size that whole patches cover"
            )
        if self.dim % self.heads:
            raise ConfigurationError(
                f"dim = {self.dim} is not a multiple of heads = {self.heads}: every head needs "
                "the same number of channels"
            )
        check_integer("tokens (patches and the class token)", self.tokens, 2, 8192)
        largest = ((1 << (ACCUMULATOR_BITS - 1)) - 1) // LARGEST_OPERAND**2
        check_integer("patch_size**2 * channels", self.patch_inputs, 1, largest)

    @property
    def patches(self) -> int:
        """Patches of an image, in raster order."""
        return (self.image_size // self.patch_size) ** 2

    @property
    def tokens(self) -> int:
        """Rows of the residual stream: the class token, then the patches."""
        return self.patches + 1

    @property
    def patch_inputs(self) -> int:
        """Numbers of one patch: rows, columns, colours, the last one fastest."""
        return self.patch_size**2 * self.channels

    @property
    def head_dim(self) -> int:
        """Channels of one head."""
        return self.dim // self.heads

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one image, attention included."""
        linear = self.tokens * (4 * self.dim + 2 * self.hidden) * self.dim
        attention = 2 * self.tokens**2 * self.dim
        ends = self.patches * self.patch_inputs * self.dim + self.dim * self.classes
        return self.layers * (linear + attention) + ends

    @property
    def weights(self) -> int:
        """Weights of all matrices, biases not counted."""
        block = (4 * self.dim + 2 * self.hidden) * self.dim
        return self.layers * block + self.dim * (self.patch_inputs + self.classes)


def _transformer(dim: int, heads: int) -> VisionShape:
    return VisionShape(
        image_size=224,
        patch_size=16,
        channels=3,
        dim=dim,
        heads=heads,
        layers=12,
        hidden=4 * dim,
        classes=1000,
    )


_TINY, _SMALL, _BASE = _transformer(192, 3), _transformer(384, 6), _transformer(768, 12)

#: DeiT and ViT have the same shapes; they differ in training and preprocessing.
PRESETS: Mapping[str, VisionShape] = {
    "deit-tiny": _TINY,
    "deit-small": _SMALL,
    "deit-base": _BASE,
    "vit-tiny": _TINY,
    "vit-small": _SMALL,
    "vit-base": _BASE,
    "fashion-mnist": VisionShape(
        image_size=28,
        patch_size=4,
        channels=1,
        dim=192,
        heads=3,
        layers=6,
        hidden=768,
        classes=10,
    ),
}


def preset(name: str) -> VisionShape:
    """Shape by its name.

    Raises:
        ConfigurationError: lists the names there are.
    """
    if name not in PRESETS:
        raise ConfigurationError(f"model {name!r} is unknown: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


@dataclass(frozen=True)
class VisionWidths(CheckedParameters):
    """Bits of the signals; the defaults are upstream's. `shiftmax_n` and `shiftgelu_n` count
    fraction bits of the exponentials.
    """

    activation: int = parameter((4, 8), "operands of matrix products, signed", 8)
    residual: int = parameter((8, 16), "residual stream, signed", 16)
    probability: int = parameter((4, 16), "probabilities of Shiftmax, sign bit included", 16)
    sigmoid: int = parameter((4, 16), "sigmoid of ShiftGELU, sign bit included", 8)
    shiftmax_n: int = parameter((4, 24), "fraction bits of Shiftmax's exponential", 15)
    shiftgelu_n: int = parameter((4, 24), "fraction bits of ShiftGELU's exponential", 23)
    multiplier: int = parameter((1, 31), "mantissa of a requantisation factor; 1: shifts", 31)
    gain: int = parameter((1, 31), "mantissa of a factor behind a LayerNorm", 31)


class RowLengths(Protocol):
    """A model, or a machine for many, by the rows and heads that it has."""

    @property
    def tokens(self) -> int:
        """Scores of a query."""

    @property
    def dim(self) -> int:
        """Channels of a token."""

    @property
    def hidden(self) -> int:
        """Hidden channels of a token."""

    @property
    def heads(self) -> int:
        """Attention heads."""

    @property
    def head_dim(self) -> int:
        """Channels of one head."""


@dataclass(frozen=True)
class VisionUnits:
    """Configurations of the row units of one model: what its golden functions run with.

    The largest |x0| is the largest with which no sum of exponentials reaches its clamp at
    2**31 - 1, beyond which upstream's results are wrong without a word.
    """

    shape: RowLengths
    widths: VisionWidths

    @cached_property
    def shiftmax(self) -> ShiftmaxConfig:
        """Rows of scores, one per query.

        Raises:
            ConfigurationError: there are too many tokens for so many fraction bits.
        """
        return ShiftmaxConfig(
            row=self.shape.tokens,
            input_bits=self.widths.activation,
            output_bits=self.widths.probability,
            n=self.widths.shiftmax_n,
            largest_x0=self._largest_x0("shiftmax_n", self.shape.tokens, self.widths.shiftmax_n),
        )

    @cached_property
    def shiftgelu(self) -> ShiftgeluConfig:
        """Rows of hidden channels, one per token."""
        return ShiftgeluConfig(
            row=self.shape.hidden,
            input_bits=self.widths.activation,
            output_bits=self.widths.sigmoid,
            n=self.widths.shiftgelu_n,
            largest_x0=self._largest_x0("shiftgelu_n", 2, self.widths.shiftgelu_n),
        )

    @cached_property
    def layer_norm(self) -> LayerNormConfig:
        """Rows of the residual stream, one per token."""
        return LayerNormConfig(row=self.shape.dim, input_bits=self.widths.residual)

    @staticmethod
    def _largest_x0(name: str, summands: int, n: int) -> int:
        largest = NUMERATOR // (summands << n)
        if largest < 1:
            raise ConfigurationError(
                f"{name} = {n} with {summands} exponentials in a sum overflows 31 bits: give "
                f"{name} up to {(NUMERATOR // summands).bit_length() - 1}"
            )
        return min(largest, 65535)
