# SPDX-License-Identifier: Apache-2.0
"""The header of a language-model image: shape, number formats, tokens and default sampling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tritforge.checks import check_name, check_source, is_integer, is_number, settle_numbers
from tritforge.errors import ConfigurationError, ImageError
from tritforge.language_model import packing
from tritforge.language_model.config import BYTES_PER_PORT, PORT_CHOICES, ModelShape, Widths
from tritforge.language_model.embedding import EmbeddingType
from tritforge.language_model.float_parameters import Epsilons, float_section_values
from tritforge.language_model.program import OperationShape, operation_shapes, parameter_bytes

MAXIMUM_END_TOKENS = 64
#: Epsilons of the norms that an image may have.
EPSILON_RANGE = (0.0, 1e-3)
RESIDUAL_FRACTIONS = 64


@dataclass(frozen=True)
class Sampling:
    """Default sampling of a model; `generate` uses it where the user says nothing."""

    temperature: float = 0.7
    top_k: int = 0
    top_p: float = 0.95
    max_tokens: int = 400

    def __post_init__(self) -> None:
        settle_numbers(self)
        if not (is_number(self.temperature) and 0 <= self.temperature <= 100):
            raise ConfigurationError(
                f"temperature = {self.temperature!r} is out of range: give a number from 0 "
                "(greedy) to 100"
            )
        if not (is_number(self.top_p) and 0 < self.top_p <= 1):
            raise ConfigurationError(
                f"top_p = {self.top_p!r} is out of range: give a number above 0, at most 1"
            )
        for name, value in (("top_k", self.top_k), ("max_tokens", self.max_tokens)):
            if not is_integer(value) or not 0 <= value < 1 << 31:
                raise ConfigurationError(
                    f"{name} = {value!r} is out of range: give an integer from 0 (no limit)"
                )


@dataclass(frozen=True)
class ImageHeader:
    """The JSON header, without the section table.

    Attributes:
        name: short name of the model.
        shape: dimensions; fix every section size but the tokenizer's.
        widths: fixed-point formats the parameters were made for.
        rows_per_beat: rows that share a beat of the weight stream (8 per 64-bit port).
        residual_fraction: fraction bits of the residual stream.
        embedding_type: type of the embedding's elements.
        epsilons: what the norms add to the mean of squares.
        begin_token, end_token: ids that open and close a text.
        other_end_tokens: further ids that end a generation; the key may be missing in a file.
        sampling: default sampling.
        source: free text facts about where the model came from, for `tritforge info`.
    """

    name: str
    shape: ModelShape
    rows_per_beat: int
    residual_fraction: int
    embedding_type: EmbeddingType
    epsilons: Epsilons
    begin_token: int
    end_token: int
    widths: Widths = field(default_factory=Widths)
    sampling: Sampling = field(default_factory=Sampling)
    source: Mapping[str, str] = field(default_factory=dict)
    other_end_tokens: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.name)
        check_source(self.source)
        choices = tuple(BYTES_PER_PORT * ports for ports in PORT_CHOICES)
        if not is_integer(self.rows_per_beat) or self.rows_per_beat not in choices:
            raise ConfigurationError(f"rows_per_beat = {self.rows_per_beat!r}: one of {choices}")
        if not isinstance(self.embedding_type, EmbeddingType):
            known = ", ".join(kind.value for kind in EmbeddingType)
            raise ConfigurationError(f"embedding_type = {self.embedding_type!r}: one of {known}")
        low, high = EPSILON_RANGE
        for name, epsilon in self.epsilons._asdict().items():
            if not is_number(epsilon) or not low <= epsilon <= high:
                raise ConfigurationError(
                    f"epsilon {name} = {epsilon!r}: a number from {low:g} to {high:g}"
                )
        for name, limit in (
            ("residual_fraction", RESIDUAL_FRACTIONS),
            ("begin_token", self.shape.vocabulary),
            ("end_token", self.shape.vocabulary),
        ):
            value = getattr(self, name)
            if not is_integer(value) or not 0 <= value < limit:
                raise ConfigurationError(f"{name} = {value!r}: an integer from 0 to {limit - 1}")
        self._check_end_tokens()
        longest = max(self.shape.dim, self.shape.glu_width)
        if longest > self.widths.largest_exact_inputs():
            raise ConfigurationError(
                f"rows of {longest} weights overflow the {self.widths.accumulator}-bit "
                f"accumulator: at most {self.widths.largest_exact_inputs()} are exact"
            )

    def _check_end_tokens(self) -> None:
        tokens = self.other_end_tokens
        if not isinstance(tokens, tuple) or len(tokens) > MAXIMUM_END_TOKENS:
            raise ConfigurationError(
                f"other_end_tokens: must be a list of at most {MAXIMUM_END_TOKENS}"
            )
        for token in tokens:
            if not is_integer(token) or not 0 <= token < self.shape.vocabulary:
                raise ConfigurationError(
                    f"other_end_tokens has {token!r}: integers from 0 to "
                    f"{self.shape.vocabulary - 1}"
                )
        if len({self.end_token, *tokens}) != 1 + len(tokens):
            raise ConfigurationError("other_end_tokens: has a token twice, or end_token")

    @property
    def end_tokens(self) -> tuple[int, ...]:
        """All ids that end a generation."""
        return (self.end_token, *self.other_end_tokens)

    def section_bytes(self) -> dict[str, int]:
        """Size of every section that the shape fixes."""
        return {
            "weights": sum(self.operation_bytes(item) for item in operation_shapes(self.shape)),
            "parameters": parameter_bytes(self.shape),
            "embedding": self.shape.vocabulary * self.shape.dim * self.embedding_type.bits // 8,
            "embedding_exponents": self.shape.vocabulary,
            "float": 4 * float_section_values(self.shape),
        }

    def operation_bytes(self, item: OperationShape) -> int:
        """Bytes of one operation in the weight stream (none for EMBED)."""
        if not item.matrices:
            return 0
        return packing.stream_bytes(item.rows, item.inputs, item.matrices, self.rows_per_beat)

    def to_mapping(self) -> dict[str, Any]:
        """Plain JSON-able form."""
        values = {
            **asdict(self),
            "embedding_type": str(self.embedding_type),
            "epsilons": self.epsilons._asdict(),
            "source": dict(self.source),
        }
        if not self.other_end_tokens:
            del values["other_end_tokens"]
        return values

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ImageHeader:
        """Build from untrusted JSON: exactly the known keys, every value checked."""
        known = set(cls.__dataclass_fields__)
        others = values.get("other_end_tokens", [])
        if not isinstance(others, list):
            raise ImageError("image header: other_end_tokens must be a list")
        values = {**values, "other_end_tokens": tuple(others)}
        if set(values) != known:
            raise ImageError(
                f"image header: missing {sorted(known - set(values))}, "
                f"unknown {sorted(set(values) - known)}"
            )
        for key in ("shape", "widths", "sampling", "epsilons"):
            if not isinstance(values[key], dict):
                raise ImageError(f"image header: {key} must be an object")
        if set(values["sampling"]) != set(Sampling.__dataclass_fields__):
            raise ImageError(
                f"image header: sampling must have {', '.join(Sampling.__dataclass_fields__)}"
            )
        if set(values["epsilons"]) != set(Epsilons._fields):
            raise ImageError(f"image header: epsilons must have {', '.join(Epsilons._fields)}")
        try:
            return cls(
                **{
                    **values,
                    "embedding_type": _embedding_type(values["embedding_type"]),
                    "epsilons": Epsilons(**values["epsilons"]),
                    "shape": ModelShape.from_mapping(values["shape"]),
                    "widths": Widths.from_mapping(values["widths"]),
                    "sampling": Sampling(**values["sampling"]),
                }
            )
        except ConfigurationError as error:
            raise ImageError(f"image header: {error}") from None


def _embedding_type(value: object) -> object:
    """The type of that name; the header refuses anything else."""
    known = {kind.value: kind for kind in EmbeddingType}
    return known.get(value, value) if isinstance(value, str) else value
