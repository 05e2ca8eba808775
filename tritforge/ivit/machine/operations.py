# SPDX-License-Identifier: Apache-2.0
"""Operations of a model in order of computation, as the in-band program says them."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from tritforge.ivit.shape import VisionShape


class OperationKind(enum.Enum):
    """What one record asks for; the value is its number in the program."""

    EMBED = 1
    NORM = 2
    QUERY = 3
    KEY = 4
    VALUE = 5
    ATTENTION = 6
    PROJECT = 7
    HIDDEN = 8
    GELU = 9
    OUTPUT = 10
    CLASSIFY = 11


@dataclass(frozen=True)
class Place:
    """Where the numbers of an operation come from and where they go.

    Attributes:
        source: memory or stream of the left operands, or of the rows.
        target: memory or stream of the results.
        meaning: one sentence.
    """

    source: str
    target: str
    meaning: str


PLACES: dict[OperationKind, Place] = {
    OperationKind.EMBED: Place("rows", "residual", "Patches times weights, and their positions."),
    OperationKind.NORM: Place("residual", "codes", "I-LayerNorm of every token, requantised."),
    OperationKind.QUERY: Place("codes", "rows", "Queries of all heads."),
    OperationKind.KEY: Place("codes", "keys", "Keys of all heads."),
    OperationKind.VALUE: Place("codes", "values", "Values of all heads."),
    OperationKind.ATTENTION: Place("rows", "codes", "Scores, Shiftmax and context, head by head."),
    OperationKind.PROJECT: Place("codes", "residual", "Output projection, and the residual add."),
    OperationKind.HIDDEN: Place("codes", "rows", "First layer of the MLP."),
    OperationKind.GELU: Place("rows", "rows", "ShiftGELU of every token, requantised."),
    OperationKind.OUTPUT: Place("rows", "residual", "Second layer, and the residual add."),
    OperationKind.CLASSIFY: Place("codes", "logits", "Logits of the class token."),
}


@dataclass(frozen=True)
class Operation:
    """One record of the program, by its size.

    Attributes:
        inputs: numbers of a row that goes in; of attention: channels of a head.
        features: numbers of a row that comes out.
        tokens: rows.
        heads: of values and attention, which is done once for each; 1 otherwise.
    """

    kind: OperationKind
    inputs: int
    features: int
    tokens: int
    heads: int = 1

    @property
    def has_weights(self) -> bool:
        """Whether it takes weights, biases and factors from the weight stream."""
        return self.kind not in (OperationKind.NORM, OperationKind.ATTENTION, OperationKind.GELU)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one image, padding not counted."""
        if self.kind is OperationKind.ATTENTION:
            return 2 * self.heads * self.tokens**2 * self.inputs
        return self.tokens * self.inputs * self.features if self.has_weights else 0


def operations(shape: VisionShape) -> Iterator[Operation]:
    """Operations of one image, in order."""
    kind, dim, hidden, tokens = OperationKind, shape.dim, shape.hidden, shape.tokens
    # The class token takes the place of a patch of zeros, which costs as much as another.
    yield Operation(kind.EMBED, shape.patch_inputs, dim, tokens)
    for _ in range(shape.layers):
        yield Operation(kind.NORM, dim, dim, tokens)
        for projection in (kind.QUERY, kind.KEY):
            yield Operation(projection, dim, dim, tokens)
        yield Operation(kind.VALUE, dim, dim, tokens, shape.heads)
        yield Operation(kind.ATTENTION, shape.head_dim, shape.head_dim, tokens, shape.heads)
        yield Operation(kind.PROJECT, dim, dim, tokens)
        yield Operation(kind.NORM, dim, dim, tokens)
        yield Operation(kind.HIDDEN, dim, hidden, tokens)
        yield Operation(kind.GELU, hidden, hidden, tokens)
        yield Operation(kind.OUTPUT, hidden, dim, tokens)
    yield Operation(kind.NORM, dim, dim, 1)
    yield Operation(kind.CLASSIFY, dim, shape.classes, 1)
