# SPDX-License-Identifier: Apache-2.0
"""The only source of parameters: model shape, bit widths, array size and board.

`accelerator` makes an `AcceleratorConfig`, which feeds the templates, the image layout, the golden
model, the engine and the tests.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from typing import Any

from tritforge.boards import Board, board_names, load_board
from tritforge.checks import as_integer, check_integer, check_keys, is_integer, settle_numbers
from tritforge.errors import ConfigurationError

#: The sigmoid is 1 from 16 on, which takes five integer bits to reach.
SIGMOID_ARGUMENT_INTEGER_BITS = 5
#: Most fraction bits of a pre-activation below those of a sigmoid argument.
LARGEST_ARGUMENT_SHIFT = 15
BYTES_PER_PORT = 8
PORT_CHOICES = (1, 2, 4)
LANE_CHOICES = (1, 2, 4, 8)
#: Best tokens that the machine's head finds by itself, for every lane.
TOP_K = 8


class SigmoidKind(str, Enum):
    """How the machine evaluates the sigmoid (docs/numerics.md)."""

    TABLE = "table"
    PIECEWISE_LINEAR = "piecewise-linear"
    SHIFT_EXPONENTIAL = "shift-exponential"

    def __str__(self) -> str:
        return str(self.value)


DIM_RANGE = (16, 8192)
LAYER_RANGE = (1, 128)
GLU_RANGE = (16, 8256)
VOCABULARY_RANGE = (2, 1 << 18)


def _parameter(default: int, minimum: int, maximum: int, meaning: str) -> Any:
    """A dataclass field with its range and meaning, for checks and for generated tables."""
    return field(
        default=default, metadata={"range": (minimum, maximum), "unit": "bits", "meaning": meaning}
    )


@dataclass(frozen=True)
class Widths:
    """Bit widths and fraction bits of every signal (docs/numerics.md).

    Signed signals saturate symmetrically at +-(2**(width - 1) - 1); `*_fraction` counts fraction
    bits.
    """

    residual: int = _parameter(32, 16, 32, "residual stream x, signed; fraction bits per model")
    gain: int = _parameter(16, 8, 16, "norm gains, signed, one exponent per vector")
    operand: int = _parameter(25, 16, 25, "operand t of the gain multipliers, signed")
    square_operand: int = _parameter(18, 12, 18, "u = t * gain before squaring, signed")
    square_sum: int = _parameter(48, 36, 48, "sum of u * u, unsigned")
    value: int = _parameter(25, 22, 25, "v = t * gain, quantised to codes, signed")
    reciprocal: int = _parameter(17, 12, 17, "mantissa of 127 / absmax, unsigned")
    root: int = _parameter(17, 12, 17, "mantissa of the square root, unsigned")
    multiplier: int = _parameter(17, 12, 17, "mantissa of the dequantisation multiplier, unsigned")
    code: int = _parameter(8, 8, 8, "activation code, signed, +-127")
    accumulator: int = _parameter(21, 12, 24, "ternary accumulator, signed")
    gate_operand: int = _parameter(18, 16, 21, "raw accumulator entering a gate multiplier, signed")
    preactivation: int = _parameter(
        25, 18, 25, "dequantised pre-activation, signed; fraction bits per operation"
    )
    sigmoid_argument: int = _parameter(18, 16, 20, "sigmoid argument, signed, clamped")
    sigmoid_argument_fraction: int = _parameter(12, 10, 14, "fraction bits of the sigmoid argument")
    sigmoid_fraction: int = _parameter(16, 12, 16, "sigmoid output Q0.f, unsigned, 1.0 included")
    activation: int = _parameter(
        24, 18, 24, "SiLU output and recurrent state h, signed; integer bits of the pre-activation"
    )
    lower_bound: int = _parameter(16, 16, 16, "forget-gate lower bound: see wire/lower_bound.py")
    logit: int = _parameter(32, 24, 32, "logit for sampling, signed")
    logit_fraction: int = _parameter(12, 8, 16, "fraction bits of the logit")

    def __post_init__(self) -> None:
        settle_numbers(self)
        for item in dataclasses.fields(self):
            check_integer(f"width {item.name}", getattr(self, item.name), *item.metadata["range"])
        needed = self.sigmoid_argument_fraction + SIGMOID_ARGUMENT_INTEGER_BITS + 1
        for name in ("preactivation", "activation"):
            if getattr(self, name) < needed:
                raise ConfigurationError(
                    f"{name} = {getattr(self, name)} is too narrow for sigmoid_argument_fraction "
                    f"= {self.sigmoid_argument_fraction}: give at least {needed} bits, so that "
                    "the sigmoid reaches 1"
                )
        integer_bits = self.sigmoid_argument - 1 - self.sigmoid_argument_fraction
        if integer_bits < SIGMOID_ARGUMENT_INTEGER_BITS:
            raise ConfigurationError(
                f"sigmoid_argument = {self.sigmoid_argument} leaves {integer_bits} integer bits "
                f"beside sigmoid_argument_fraction = {self.sigmoid_argument_fraction}: give at "
                f"least {SIGMOID_ARGUMENT_INTEGER_BITS}, so that the clamped sigmoid reaches 1"
            )

    @property
    def narrowing(self) -> int:
        """Fraction bits that a pre-activation has more than the SiLU of it, and than the state.

        Both have the same integer bits: |SiLU(x)| < |x|, so only the last rounding can saturate.
        """
        return self.preactivation - self.activation

    @property
    def argument_shifts(self) -> tuple[int, int]:
        """Smallest and largest number of fraction bits of a pre-activation (and, less `narrowing`,
        of a state) below those of a sigmoid argument; a header field chooses one per operation."""
        return max(self.narrowing, 0), LARGEST_ARGUMENT_SHIFT

    @property
    def forget_shifts(self) -> tuple[int, int]:
        """Smallest and largest number of fraction bits of the forget gate below those of a sigmoid
        argument: its clamp must lie where the sigmoid is constant."""
        room = self.preactivation - 1 - SIGMOID_ARGUMENT_INTEGER_BITS
        return 0, min(room - self.sigmoid_argument_fraction, LARGEST_ARGUMENT_SHIFT)

    def largest_exact_inputs(self) -> int:
        """Longest row (K) whose ternary dot product of codes cannot leave the accumulator."""
        return ((1 << (self.accumulator - 1)) - 1) // ((1 << (self.code - 1)) - 1)

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Widths:
        """Build from untrusted JSON: exactly the known keys, each an integer in its range."""
        check_keys("widths", values, {item.name for item in dataclasses.fields(cls)})
        return cls(**{name: as_integer(f"width {name}", value) for name, value in values.items()})


#: `hidden_ratio` of the released checkpoints.
USUAL_HIDDEN_RATIO = 4


def default_glu_width(dim: int, ratio: float = USUAL_HIDDEN_RATIO) -> int:
    """GLU width of a checkpoint that has none: 2/3 of ratio times dim, rounded up to 256.

    Source: `HGRNBitMLP.__init__` of ridgerchu/matmulfreellm.
    """
    return 256 * -(-int(dim * ratio * 2 / 3) // 256)


@dataclass(frozen=True)
class ModelShape:
    """The four numbers that fix every tensor of an HGRNBit model."""

    dim: int
    layers: int
    glu_width: int
    vocabulary: int

    def __post_init__(self) -> None:
        settle_numbers(self)
        check_integer("dim", self.dim, *DIM_RANGE)
        check_integer("layers", self.layers, *LAYER_RANGE)
        check_integer("glu_width", self.glu_width, *GLU_RANGE)
        check_integer("vocabulary", self.vocabulary, *VOCABULARY_RANGE)

    @property
    def ternary_weights(self) -> int:
        """Number of ternary weights, the head included."""
        per_layer = 4 * self.dim * self.dim + 3 * self.dim * self.glu_width
        return self.layers * per_layer + self.vocabulary * self.dim

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> ModelShape:
        """Build from untrusted JSON."""
        check_keys("shape", values, {item.name for item in dataclasses.fields(cls)})
        return cls(**{name: as_integer(name, value) for name, value in values.items()})


#: Shapes of the released checkpoints (arXiv 2406.02528, Hugging Face `ridger/MMfreeLM-*`).
RELEASED_SHAPES: Mapping[str, ModelShape] = {
    "370m": ModelShape(dim=1024, layers=24, glu_width=2816, vocabulary=32000),
    "1.3b": ModelShape(dim=2048, layers=24, glu_width=5632, vocabulary=32000),
    "2.7b": ModelShape(dim=2560, layers=32, glu_width=6912, vocabulary=32000),
}


@dataclass(frozen=True)
class AcceleratorConfig:
    """Everything that fixes a generated accelerator; `accelerator` makes one and derives the rest.

    An overlay runs every model whose dim, layers, GLU width and vocabulary do not exceed its own.

    Attributes:
        dim, layers, glu_width, vocabulary: the largest model shape.
        ports: 64-bit ports of the weight stream.
        lanes: activation sets that share the weight stream.
        states: recurrent states on chip. As many as lanes: every lane may be a stream of its own.
            One: lanes are consecutive prompt tokens of one stream.
        board: name of a file in tritforge/boards.
        sigmoid: implementation of the sigmoid; all but `table` change the model's outputs.
        widths: bit widths of every signal.
    """

    dim: int
    _: KW_ONLY
    layers: int = 24
    glu_width: int
    vocabulary: int = 32000
    ports: int = 2
    lanes: int = 1
    states: int
    board: str = "pynq-z2"
    sigmoid: SigmoidKind = SigmoidKind.TABLE
    widths: Widths = field(default_factory=Widths)

    def __post_init__(self) -> None:
        settle_numbers(self)
        _ = self.shape  # validates its numbers
        for name, value, choices in (
            ("ports", self.ports, PORT_CHOICES),
            ("lanes", self.lanes, LANE_CHOICES),
        ):
            if not is_integer(value) or value not in choices:
                raise ConfigurationError(
                    f"{name} = {value!r} is not available: choose one of "
                    + ", ".join(map(str, choices))
                )
        if not is_integer(self.states) or self.states not in (1, self.lanes):
            raise ConfigurationError(
                f"states = {self.states!r} is not available: give 1 (all lanes share one state) "
                f"or {self.lanes} (one state per lane)"
            )
        if not isinstance(self.sigmoid, SigmoidKind):
            raise _unknown_sigmoid(self.sigmoid)
        if self.board not in board_names():
            raise ConfigurationError(
                f"board {self.board!r} is unknown: choose one of {', '.join(board_names())}, "
                "or add a file to tritforge/boards/"
            )
        if self.ports > self.board_data.high_performance_ports:
            raise ConfigurationError(
                f"ports = {self.ports}: {self.board} has "
                f"{self.board_data.high_performance_ports} high-performance ports"
            )
        if self.widths.gate_operand > self.widths.preactivation:
            raise ConfigurationError(
                f"width gate_operand = {self.widths.gate_operand} is above preactivation = "
                f"{self.widths.preactivation}: both travel in one stream, so lower it"
            )
        longest = max(self.shape.dim, self.shape.glu_width)
        if longest > self.widths.largest_exact_inputs():
            raise ConfigurationError(
                f"rows of {longest} inputs overflow the {self.widths.accumulator}-bit accumulator: "
                f"at most {self.widths.largest_exact_inputs()} are exact; lower --dim"
            )

    @property
    def shape(self) -> ModelShape:
        """Largest model shape the accelerator holds."""
        return ModelShape(self.dim, self.layers, self.glu_width, self.vocabulary)

    @property
    def board_data(self) -> Board:
        """The board's data file."""
        return load_board(self.board)

    @property
    def rows_per_beat(self) -> int:
        """Matrix rows that advance together: one byte (five columns) of each row per beat."""
        return BYTES_PER_PORT * self.ports

    def to_mapping(self) -> dict[str, Any]:
        """Plain JSON-able form, complete and in field order."""
        return {**dataclasses.asdict(self), "sigmoid": str(self.sigmoid)}

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> AcceleratorConfig:
        """Build from untrusted JSON: exactly what `to_mapping` gives.

        Raises:
            ConfigurationError: a key is missing, unknown or of another type, or a check fails.
        """
        names = [item.name for item in dataclasses.fields(cls)]
        check_keys("configuration", values, set(names))
        widths = values["widths"]
        if not isinstance(widths, Mapping):
            raise ConfigurationError(f"widths must be an object, not {widths!r}")
        texts = {"board", "sigmoid"}
        for name in texts:
            if not isinstance(values[name], str):
                raise ConfigurationError(f"{name} must be a string, not {values[name]!r}")
        numbers = {
            name: as_integer(name, values[name]) for name in names if name not in texts | {"widths"}
        }
        return accelerator(
            **numbers,
            board=str(values["board"]),
            sigmoid=str(values["sigmoid"]),
            widths=Widths.from_mapping(widths),
        )

    def fingerprint(self) -> str:
        """First 16 hex digits of the SHA-256 of the canonical JSON form."""
        text = json.dumps(self.to_mapping(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def accelerator(
    dim: int,
    layers: int = AcceleratorConfig.layers,
    glu_width: int | None = None,
    vocabulary: int = AcceleratorConfig.vocabulary,
    ports: int = AcceleratorConfig.ports,
    lanes: int = AcceleratorConfig.lanes,
    states: int | None = None,
    board: str = AcceleratorConfig.board,
    sigmoid: SigmoidKind | str = AcceleratorConfig.sigmoid,
    widths: Widths = Widths(),
) -> AcceleratorConfig:
    """Make the configuration of an accelerator from what was chosen; the rest follows.

    Args:
        glu_width: default: that of the released checkpoints, see `default_glu_width`.
        states: default: as many as lanes.
        sigmoid: a kind or its name.

    Raises:
        ConfigurationError: names the value that is out of range, the range and the fix.
    """
    dim = check_integer("dim", dim, *DIM_RANGE)
    if glu_width is None:
        glu_width = default_glu_width(dim)
        if glu_width > GLU_RANGE[1]:
            raise ConfigurationError(
                f"dim = {dim} implies a GLU width of {glu_width}, above {GLU_RANGE[1]}: lower dim "
                "or give glu_width"
            )
    try:
        kind = SigmoidKind(sigmoid)
    except ValueError:
        raise _unknown_sigmoid(sigmoid) from None
    return AcceleratorConfig(
        dim,
        layers=layers,
        glu_width=glu_width,
        vocabulary=vocabulary,
        ports=ports,
        lanes=lanes,
        states=lanes if states is None else states,
        board=board,
        sigmoid=kind,
        widths=widths,
    )


def _unknown_sigmoid(value: object) -> ConfigurationError:
    known = ", ".join(kind.value for kind in SigmoidKind)
    return ConfigurationError(f"sigmoid = {value!r} is unknown: choose one of {known}")
