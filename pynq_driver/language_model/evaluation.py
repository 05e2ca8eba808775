# SPDX-License-Identifier: Apache-2.0
"""Cross-entropy of a model on text, document by document."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tritforge.errors import TritforgeError

#: A line with only this ends a document; a text without it is one document.
DOCUMENT_SEPARATOR = "<|endoftext|>"

#: Called with (tokens done, tokens in total).
EvaluationProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Evaluation:
    """Result of an evaluation.

    Attributes:
        nats_per_token: mean cross-entropy of a predicted token.
        bits_per_char: total cross-entropy over the characters of the documents.
        tokens: predicted tokens, the end token of each document included.
        characters: characters of the documents.
        documents: documents, each read from the empty context.
    """

    nats_per_token: float
    bits_per_char: float
    tokens: int
    characters: int
    documents: int


def split_documents(text: str) -> list[str]:
    """Documents of a text, without the separator lines and blank ends."""
    lines: list[list[str]] = [[]]
    for line in text.splitlines(keepends=True):
        if line.strip() == DOCUMENT_SEPARATOR:
            lines.append([])
        else:
            lines[-1].append(line)
    documents = ("".join(item).strip("\n") for item in lines)
    return [document for document in documents if document]


def evaluate_documents(
    score: Callable[[Sequence[Sequence[int]]], list[list[float]]],
    batch: int,
    encode: Callable[[str], list[int]],
    end_token: int,
    text: str,
    progress: EvaluationProgress | None = None,
) -> Evaluation:
    """Cross-entropy of every token of every document, the end token included.

    The sum is exact (fsum), so the order in which a backend works does not show in the result.

    Args:
        score: see `Backend.score`.
        batch: documents that it takes at once.

    Raises:
        TritforgeError: the text is empty.
    """
    documents = split_documents(text)
    if not documents:
        raise TritforgeError("the text to evaluate is empty")
    tokens = sorted(([*encode(document), end_token] for document in documents), key=len)
    total = sum(len(item) - 1 for item in tokens)
    nats: list[float] = []
    for start in range(0, len(tokens), batch):
        for values in score(tokens[start : start + batch]):
            nats += values
        if progress is not None:
            progress(len(nats), total)
    characters = sum(map(len, documents))
    return Evaluation(
        nats_per_token=math.fsum(nats) / total,
        bits_per_char=math.fsum(nats) / math.log(2) / characters,
        tokens=total,
        characters=characters,
        documents=len(documents),
    )
