# SPDX-License-Identifier: Apache-2.0
"""Parameters of the units that work on rows, and the widths that follow from them.

Everything that can be derived is a property here: the golden functions assert these widths and the
generator hands them to the C++ headers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tritforge.checks import check_integer
from tritforge.errors import ConfigurationError

#: Elements of a row that a unit takes in each step.
ELEMENT_CHOICES = (1, 2, 4, 8)
#: Bits of the numerator of the reciprocal 1 / sum: upstream divides 2**31 - 1.
NUMERATOR_BITS = 31
NUMERATOR = (1 << NUMERATOR_BITS) - 1
#: Rows that one command of a unit covers are counted with so many bits.
ROW_COUNT_BITS = 16


def parameter(
    limits: tuple[int, int], meaning: str, default: int | None = None, unit: str = "1"
) -> Any:
    """A dataclass field with its range, unit and meaning, for checks and for generated tables."""
    metadata = {"range": limits, "unit": unit, "meaning": meaning}
    return (
        field(metadata=metadata) if default is None else field(default=default, metadata=metadata)
    )


def _shift_parameter(default: int) -> Any:
    """The parameter n, whose default differs between the units."""
    return parameter((4, 24), "fraction bits of the exponential", default, "bits")


def _row_parameter() -> Any:
    return parameter((1, 8192), "longest row", unit="elements")


def _elements_parameter() -> Any:
    metadata = {
        "choices": ELEMENT_CHOICES,
        "unit": "elements",
        "meaning": "elements of a row per cycle",
    }
    return field(default=1, metadata=metadata)


class CheckedParameters:
    """Parameters whose ranges are checked, and which are plain data.

    Subclasses are frozen dataclasses whose fields carry a range or choices (`parameter`).
    """

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if "range" in item.metadata:
                check_integer(item.name, value, *item.metadata["range"])
            elif value not in item.metadata["choices"]:
                choices = ", ".join(map(str, item.metadata["choices"]))
                raise ConfigurationError(
                    f"{item.name} = {value!r} is not available: choose one of {choices}"
                )

    def to_mapping(self) -> dict[str, Any]:
        """Plain JSON-able form, complete and in field order."""
        return dataclasses.asdict(self)  # type: ignore[call-overload]


class UnitConfig(CheckedParameters):
    """Parameters of one unit."""

    #: Name of the unit in headers, test benches and vectors.
    unit: ClassVar[str]

    def fingerprint(self) -> str:
        """First 16 hex digits of the SHA-256 of unit name and canonical JSON form."""
        text = json.dumps(self.to_mapping(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(f"{self.unit} {text}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class RowUnitConfig(UnitConfig):
    """What Shiftmax and ShiftGELU have in common: rows of integers through one exponential.

    x0 = floor(-1 / scale) is the integer of -1.0 (upstream `x0_int`); it is a run-time parameter
    of a row and its magnitude lies in 1..largest_x0.
    """

    row: int = _row_parameter()
    input_bits: int = parameter((4, 16), "input x, signed", 8, "bits")
    output_bits: int = parameter((4, 24), "share of the sum, sign bit included", 8, "bits")
    n: int = _shift_parameter(default=15)
    largest_x0: int = parameter((1, 65535), "largest |x0|, x0 = floor(-1 / scale)", 127)
    elements: int = _elements_parameter()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.largest_exponential > NUMERATOR:
            raise ConfigurationError(
                f"largest_x0 = {self.largest_x0} with n = {self.n} gives exponentials up to "
                f"{self.largest_exponential}, which overflow {NUMERATOR_BITS} bits: give "
                f"largest_x0 up to {NUMERATOR >> self.n}, or a smaller n"
            )

    @property
    def words(self) -> int:
        """Words of `elements` elements of the longest row."""
        return -(-self.row // self.elements)

    @property
    def x0_bits(self) -> int:
        """|x0|, unsigned."""
        return self.largest_x0.bit_length()

    @property
    def largest_argument(self) -> int:
        """Largest magnitude of x * log2(e) ~ x + x / 2 - x / 16, for x - max of two inputs."""
        difference = (1 << self.input_bits) - 1
        return difference + -(-difference // 2) - -(-difference // 16)

    @property
    def argument_bits(self) -> int:
        """Magnitude of the argument, before and after its limit, unsigned."""
        return self.largest_argument.bit_length()

    @property
    def quotient_bits(self) -> int:
        """q = floor(argument / x0) of an argument that is not positive, unsigned, at most n."""
        return min(self.n, self.largest_argument).bit_length()

    @property
    def mantissa_bits(self) -> int:
        """Mantissa 2 |x0| - remainder of an exponential, unsigned."""
        return (2 * self.largest_x0).bit_length()

    @property
    def largest_exponential(self) -> int:
        """exp(0) = |x0| * 2**n."""
        return self.largest_x0 << self.n

    @property
    def exponential_bits(self) -> int:
        """Exponential of an argument that is not positive, unsigned."""
        return self.largest_exponential.bit_length()

    @property
    def largest_sum(self) -> int:
        """Sum of exponentials that is divided by, if it were not clamped."""
        raise NotImplementedError

    @property
    def smallest_sum(self) -> int:
        """Smallest divisor."""
        raise NotImplementedError

    @property
    def sum_can_clamp(self) -> bool:
        """Whether the sum can reach upstream's clamp at 2**31 - 1, above which results are wrong.

        For ShiftGELU this is about rows with max >= 0.
        """
        return self.largest_sum > NUMERATOR

    @property
    def sum_bits(self) -> int:
        """Clamped sum, unsigned."""
        return min(self.largest_sum, NUMERATOR).bit_length()

    @property
    def factor_bits(self) -> int:
        """floor((2**31 - 1) / sum), unsigned."""
        return (NUMERATOR // self.smallest_sum).bit_length()

    @property
    def share_bits(self) -> int:
        """exponential / sum as fraction Q0.share_bits, unsigned, below 1."""
        return self.output_bits - 1

    @property
    def result_bits(self) -> int:
        """One output element."""
        raise NotImplementedError


@dataclass(frozen=True)
class ShiftmaxConfig(RowUnitConfig):
    """Shiftmax: rows of attention scores to probabilities."""

    unit: ClassVar[str] = "shiftmax"

    @property
    def largest_sum(self) -> int:
        """All elements equal."""
        return self.row * self.largest_exponential

    @property
    def smallest_sum(self) -> int:
        """One element, |x0| = 1."""
        return 1 << self.n

    @property
    def result_bits(self) -> int:
        """Probability Q0.(output_bits - 1), unsigned: 2**(output_bits - 1) stands for 1."""
        return self.share_bits


@dataclass(frozen=True)
class ShiftgeluConfig(RowUnitConfig):
    """ShiftGELU: rows of pre-activations; x0 is that of 1.702 * scale."""

    n: int = _shift_parameter(default=23)

    unit: ClassVar[str] = "shiftgelu"

    @property
    def largest_sum(self) -> int:
        """exp(x - max) + exp(-max) with x = max = 0."""
        return 2 * self.largest_exponential

    @property
    def smallest_sum(self) -> int:
        """Both exponentials at their limit n * x0, |x0| = 1."""
        return 2

    @property
    def sum_bits(self) -> int:
        """exp(-max) of a row below 0 grows up to the clamp, whatever the parameters are."""
        return NUMERATOR_BITS

    @property
    def offset_quotient_limit(self) -> int:
        """From q = -offset_quotient_limit on, exp(-max) is at the clamp for every x0."""
        return NUMERATOR_BITS - self.n

    @property
    def result_bits(self) -> int:
        """x * sigmoid, signed."""
        return self.input_bits + self.share_bits


@dataclass(frozen=True)
class LayerNormConfig(UnitConfig):
    """I-LayerNorm: rows of residual integers to normalised ones."""

    row: int = _row_parameter()
    input_bits: int = parameter((4, 16), "input x, signed", 16, "bits")
    elements: int = _elements_parameter()

    unit: ClassVar[str] = "layer_norm"

    #: Newton's steps start here, and there are so many of them, whether they converge or not.
    first_root: ClassVar[int] = 1 << 16
    steps: ClassVar[int] = 10
    bias_bits: ClassVar[int] = 32

    @property
    def first_root_bits(self) -> int:
        """Binary logarithm of the first root."""
        return self.first_root.bit_length() - 1

    @property
    def total_bits(self) -> int:
        """Magnitude of the sum of a row, unsigned."""
        return (self.row << (self.input_bits - 1)).bit_length()

    @property
    def raw_square_sum_bits(self) -> int:
        """Sum of x**2, unsigned."""
        return (self.row << (2 * self.input_bits - 2)).bit_length()

    @property
    def quotient_bits(self) -> int:
        """Sum of squares divided by any root but the first, unsigned.

        After a step no root is below floor(sqrt(sum of squares)), so that no quotient exceeds that
        by more than 2.
        """
        return (math.isqrt(self.largest_square_sum) + 2).bit_length()

    @property
    def difference_bits(self) -> int:
        """x - mean, signed."""
        return self.input_bits + 1

    @property
    def largest_square_sum(self) -> int:
        """Sum of (x - mean)**2: half of the row at each end; rounding the mean adds 1/4 each."""
        return self.row * (((1 << self.input_bits) - 1) ** 2 + 1) // 4

    @property
    def square_sum_bits(self) -> int:
        """Sum of (x - mean)**2, unsigned."""
        return self.largest_square_sum.bit_length()

    @property
    def root_bits(self) -> int:
        """Every iterate of Newton's steps, unsigned; none but the start exceeds the first."""
        after_one_step = (self.first_root + self.largest_square_sum // self.first_root) // 2
        return max(self.first_root, after_one_step).bit_length()

    @property
    def smallest_root(self) -> int:
        """Result of the steps for a constant row: each halves."""
        return self.first_root >> self.steps

    @property
    def factor_bits(self) -> int:
        """floor((2**31 - 1) / root), unsigned."""
        return (NUMERATOR // self.smallest_root).bit_length()

    @property
    def scalar_steps(self) -> int:
        """Steps of the unit for mean, root and factor of a row; the C++ checks that they are right.

        Every division takes a step for two bits of its quotient.
        """
        mean = -(-self.input_bits // 2) + 1 + self.input_bits + 1
        root = (self.steps - 1) * (-(-self.quotient_bits // 2) + 1)
        return mean + root + -(-self.factor_bits // 2)

    @property
    def roots(self) -> int:
        """Rows whose roots are taken at once: two where a row is shorter than one root takes."""
        words = -(-self.row // self.elements)
        return 2 if words < self.scalar_steps else 1

    @property
    def normalised_bits(self) -> int:
        """(x - mean) / root, signed: |x - mean| <= floor(sqrt(sum of squares)) <= root."""
        return NUMERATOR_BITS

    @property
    def result_bits(self) -> int:
        """Normalised and bias added, signed."""
        return self.bias_bits + 1
