# SPDX-License-Identifier: Apache-2.0
"""Configuration of the I-ViT machine: the largest model it runs, its array, and every width."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tritforge.boards import Board, load_board
from tritforge.checks import check_integer
from tritforge.errors import ConfigurationError
from tritforge.ivit.config import (
    ELEMENT_CHOICES,
    NUMERATOR_BITS,
    CheckedParameters,
    LayerNormConfig,
    ShiftgeluConfig,
    ShiftmaxConfig,
    parameter,
)
from tritforge.ivit.parameters import LARGEST_SHIFT, POSITION_BITS, VisionParameters
from tritforge.ivit.shape import ACCUMULATOR_BITS, VisionShape, VisionUnits, VisionWidths

RESULT_LANE_CHOICES = (1, 2, 4, 8)
#: Products of one multiplier: two share it where they have a factor in common.
PACKING_CHOICES = (1, 2)
#: Bytes of a word of the packet streams.
STREAM_BYTES = 8
#: Numbers of a token that the residual stream gives in a cycle: a block RAM for each.
_NORM_ELEMENTS = 2
#: In pipelines and FIFOs between `rows` and ShiftGELU and back.
_WORDS_ON_THE_WAY = 32
#: A probability is multiplied as at most so many digits.
_MAXIMUM_DIGITS = 2


def _choice(choices: tuple[int, ...], default: int, meaning: str, unit: str = "1") -> Any:
    metadata = {"choices": choices, "unit": unit, "meaning": meaning}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class MachineConfig(CheckedParameters):
    """One machine. It runs every model that is in no dimension larger.

    Use `machine_config` where only some numbers are known.

    Raises:
        ConfigurationError: names the value, the allowed range and the fix.
    """

    dim: int = parameter((2, 4096), "channels of a token", unit="channels")
    heads: int = parameter((1, 64), "attention heads")
    layers: int = parameter((1, 64), "blocks of attention and MLP", 12)
    tokens: int = parameter((2, 8192), "class token and patches", 197, "tokens")
    classes: int = parameter((2, 65536), "classes of the head", 1000)
    hidden: int = parameter((2, 8192), "hidden channels of the MLP", 768, "channels")
    patch_inputs: int = parameter((1, 16384), "numbers of one patch, all colours", 768)
    token_lanes: int = parameter((1, 64), "tokens that the array takes at a time", 10)
    feature_lanes: int = parameter((1, 256), "features that the array takes at a time", 32)
    result_lanes: int = _choice(
        RESULT_LANE_CHOICES, 2, "sums of the array that leave it in one cycle"
    )
    products_per_multiplier: int = _choice(PACKING_CHOICES, 2, "products that share a multiplier")
    elements: int = _choice(ELEMENT_CHOICES, 4, "elements of a row per cycle in the row units")
    board: str = field(default="pynq-z2", metadata={"unit": "1", "meaning": "board"})
    widths: VisionWidths = field(
        default=VisionWidths(), metadata={"unit": "bits", "meaning": "bits of the signals"}
    )

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if "range" in item.metadata:
                check_integer(item.name, value, *item.metadata["range"])
            elif "choices" in item.metadata and value not in item.metadata["choices"]:
                choices = ", ".join(map(str, item.metadata["choices"]))
                raise ConfigurationError(
                    f"{item.name} = {value!r} is not available: choose one of {choices}"
                )
        load_board(self.board)
        self._check_lanes()
        if self.dim % self.heads:
            raise ConfigurationError(
                f"dim = {self.dim} is not a multiple of heads = {self.heads}: every head needs "
                "the same number of channels"
            )
        if self.probability_digits > _MAXIMUM_DIGITS:
            raise ConfigurationError(
                f"probability = {self.widths.probability} bits are more than {_MAXIMUM_DIGITS} "
                f"digits of activation = {self.widths.activation} bits: give a probability of up "
                f"to {_MAXIMUM_DIGITS * self.widths.activation + 1} bits"
            )
        if self.accumulator_bits > ACCUMULATOR_BITS:
            raise ConfigurationError(
                f"sums of {self.maximum_inputs} products need {self.accumulator_bits} bits, more "
                f"than the {ACCUMULATOR_BITS} of the numerics: give at most "
                f"{1 << (ACCUMULATOR_BITS + 1 - self.product_bits)} inputs"
            )

    def _check_lanes(self) -> None:
        for name in ("token_lanes", "feature_lanes"):
            if getattr(self, name) % self.result_lanes:
                raise ConfigurationError(
                    f"{name} = {getattr(self, name)} is not a multiple of result_lanes = "
                    f"{self.result_lanes}: give a multiple, or fewer result_lanes"
                )
        if self.feature_lanes % self.products_per_multiplier:
            raise ConfigurationError(
                f"feature_lanes = {self.feature_lanes} is odd, but a multiplier makes the products "
                "of two features: give an even number, or products_per_multiplier = 1"
            )
        if self.feature_lanes % self.elements:
            raise ConfigurationError(
                f"feature_lanes = {self.feature_lanes} is not a multiple of elements = "
                f"{self.elements}, the numbers of a memory's word: give a multiple of it"
            )

    @property
    def board_data(self) -> Board:
        """The board's file."""
        return load_board(self.board)

    @property
    def head_dim(self) -> int:
        """Channels of one head."""
        return self.dim // self.heads

    @property
    def maximum_inputs(self) -> int:
        """Longest row that the array multiplies by a weight."""
        return max(self.dim, self.hidden, self.patch_inputs)

    @property
    def token_groups(self) -> int:
        """Groups of `token_lanes` tokens, the last one filled up."""
        return -(-self.tokens // self.token_lanes)

    @property
    def key_groups(self) -> int:
        """Groups of `feature_lanes` keys, which are the features of the scores."""
        return -(-self.tokens // self.feature_lanes)

    @property
    def value_groups(self) -> int:
        """Groups of `feature_lanes` channels of the values, head by head."""
        return self.heads * -(-self.head_dim // self.feature_lanes)

    @property
    def maximum_slices(self) -> int:
        """Most slices of `feature_lanes` features of one operation, keys included."""
        features = max(self.dim, self.hidden, self.classes, self.tokens)
        return -(-features // self.feature_lanes)

    @property
    def maximum_tiles(self) -> int:
        """Most tiles of one operation: every slice of features times every group of tokens."""
        return self.maximum_slices * self.token_groups

    @property
    def probability_bits(self) -> int:
        """Probability Q0.probability_bits, unsigned."""
        return self.widths.probability - 1

    @property
    def probability_digits(self) -> int:
        """Digits of `activation` unsigned bits of a probability, which the array takes in turn."""
        return -(-self.probability_bits // self.widths.activation)

    @property
    def maximum_beats(self) -> int:
        """Most beats of one tile."""
        return max(self.maximum_inputs, self.probability_digits * self.tokens)

    @property
    def left_bits(self) -> int:
        """Left operand, signed: an activation, or an unsigned digit of a probability."""
        return self.widths.activation + 1

    @property
    def right_bits(self) -> int:
        """Right operand, signed: a weight, a key or a value. Weights have 8 bits always."""
        return 8

    @property
    def product_bits(self) -> int:
        """Product, signed. The most negative left operand, -2**activation, does not occur."""
        return self.widths.activation + self.right_bits

    @property
    def packed_bits(self) -> int:
        """Two right operands, one product apart, signed: one operand of a shared multiplier."""
        return self.product_bits + self.right_bits + 1

    @property
    def accumulator_bits(self) -> int:
        """Sum of products without bias, signed, exact for every operand."""
        activation, right = 1 << (self.widths.activation - 1), 1 << (self.right_bits - 1)
        largest = max(
            self.maximum_inputs * activation * right, (1 << self.probability_bits) * right
        )
        return largest.bit_length() + 1

    @property
    def result_bits(self) -> int:
        """Results of the requantisation, signed: logits are the widest."""
        return ACCUMULATOR_BITS

    @property
    def shift_bits(self) -> int:
        """Shift of a requantisation, unsigned."""
        return LARGEST_SHIFT.bit_length()

    @property
    def identity_bits(self) -> int:
        """What a branch is added to: the residual stream, or the wider positions."""
        return max(self.widths.residual, POSITION_BITS)

    @property
    def drain_beats(self) -> int:
        """Cycles in which the sums of a tile leave the array."""
        return self.feature_lanes * (self.token_lanes // self.result_lanes)

    @property
    def array_multipliers(self) -> int:
        """Multipliers of the array."""
        return self.token_lanes * self.feature_lanes // self.products_per_multiplier

    @cached_property
    def row_units(self) -> tuple[ShiftmaxConfig, ShiftgeluConfig, LayerNormConfig]:
        """The row units, for the longest rows."""
        units = VisionUnits(self, self.widths)
        return (
            dataclasses.replace(units.shiftmax, elements=self.elements),
            dataclasses.replace(units.shiftgelu, elements=self.elements),
            dataclasses.replace(units.layer_norm, elements=self.norm_elements),
        )

    @property
    def norm_elements(self) -> int:
        """Elements of a row per cycle in the norm, whose roots take longer than a row."""
        return min(_NORM_ELEMENTS, self.elements)

    @property
    def exchange_slack(self) -> int:
        """Words beyond a row that ShiftGELU is given before its first result is waited for.

        Two rows that are shorter than its offset takes, its pipeline, and what is on the way.
        """
        _, gelu, _ = self.row_units
        return 2 * (gelu.argument_bits + 2) + NUMERATOR_BITS // 2 + 1 + _WORDS_ON_THE_WAY

    @property
    def exchange_words(self) -> int:
        """Words that are ahead of ShiftGELU's results; the FIFO in front of it holds them."""
        return -(-self.hidden // self.elements) + self.exchange_slack

    def check_model(self, shape: VisionShape, widths: VisionWidths) -> None:
        """Check that the machine runs a model.

        Raises:
            ConfigurationError: names the first dimension that is too large.
        """
        for name in ("dim", "heads", "layers", "tokens", "classes", "hidden", "patch_inputs"):
            if getattr(shape, name) > getattr(self, name):
                raise ConfigurationError(
                    f"the model has {name} = {getattr(shape, name)}, the machine {name} = "
                    f"{getattr(self, name)}: generate a machine of at least the model's {name}"
                )
        groups = shape.heads * -(-shape.head_dim // self.feature_lanes)
        if groups > self.value_groups:
            raise ConfigurationError(
                f"the model's {shape.heads} heads of {shape.head_dim} channels make {groups} "
                f"groups of values, the machine has room for {self.value_groups}: generate a "
                f"machine of {shape.heads} heads"
            )
        if widths != self.widths:
            raise ConfigurationError(
                f"the model has the widths {widths}, the machine {self.widths}: generate a machine "
                "of the model's widths"
            )

    def check_parameters(self, parameters: VisionParameters) -> None:
        """Check that the machine runs a model: its shape, its widths and its |x0|.

        Raises:
            ConfigurationError: names the first number that is too large.
        """
        self.check_model(parameters.shape, parameters.widths)
        softmax, gelu, _ = self.row_units
        for index, block in enumerate(parameters.blocks):
            for unit, x0 in (
                (softmax, int(block.attention.x0_magnitude[0])),
                (gelu, int(block.mlp.x0_magnitude[0])),
            ):
                if x0 > unit.largest_x0:
                    raise ConfigurationError(
                        f"block {index} of the model has |x0| = {x0} in {unit.unit}, the machine "
                        f"takes up to {unit.largest_x0}: generate one for fewer tokens"
                    )

    def to_mapping(self) -> dict[str, Any]:
        """Plain JSON-able form, complete and in field order."""
        return dataclasses.asdict(self)

    @cached_property
    def _text(self) -> str:
        return json.dumps(self.to_mapping(), sort_keys=True, separators=(",", ":"))

    def fingerprint(self) -> str:
        """First 16 hex digits of the SHA-256 of the canonical JSON form."""
        return hashlib.sha256(f"ivit {self._text}".encode()).hexdigest()[:16]


def limits_of(name: str) -> tuple[int, int]:
    """Smallest and largest value of a field of `MachineConfig` that has a range."""
    fields = {item.name: item.metadata for item in dataclasses.fields(MachineConfig)}
    low, high = fields[name]["range"]
    return low, high


def machine_config(
    dim: object, heads: object | None = None, hidden: object | None = None, **chosen: Any
) -> MachineConfig:
    """Make the configuration of a machine from what was chosen; the rest follows.

    Args:
        heads: default: heads of 64 channels.
        hidden: default: four times dim.
        chosen: other fields of `MachineConfig`.

    Raises:
        ConfigurationError: names the value that is out of range, the range and the fix.
    """
    width = check_integer("dim", dim, *limits_of("dim"))
    if heads is None:
        if width % 64:
            raise ConfigurationError(
                f"dim = {width} is no multiple of 64, the usual channels of a head: give heads"
            )
        heads = width // 64
    if hidden is None:
        hidden = 4 * width
        largest = limits_of("hidden")[1]
        if hidden > largest:
            raise ConfigurationError(
                f"dim = {width} implies {hidden} hidden channels, above {largest}: give hidden"
            )
    return MachineConfig(width, heads=heads, hidden=hidden, **chosen)  # type: ignore[arg-type]


def machine_for(shape: VisionShape, **chosen: Any) -> MachineConfig:
    """The machine of exactly this shape.

    Args:
        chosen: fields of `MachineConfig` that are not the model's: lanes, board, widths.

    Raises:
        ConfigurationError: names the value that is out of range, the range and the fix.
    """
    names = ("dim", "heads", "layers", "tokens", "classes", "hidden", "patch_inputs")
    return MachineConfig(**{name: getattr(shape, name) for name in names}, **chosen)
