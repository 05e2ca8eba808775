# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from pynq_driver import load
from pynq_driver.language_model.evaluation import evaluate_documents, split_documents
from tritforge.errors import TritforgeError


def uniform(documents: Sequence[Sequence[int]]) -> list[list[float]]:
    """Every token equally likely, so the cross-entropy is known."""
    assert len(documents) <= 2
    return [[math.log(8)] * (len(item) - 1) for item in documents]


def test_documents_are_split_at_separator_lines() -> None:
    text = "one\ntwo\n<|endoftext|>\n\n<|endoftext|>\nthree <|endoftext|> is text\n"
    assert split_documents(text) == ["one\ntwo", "three <|endoftext|> is text"]
    assert split_documents("plain") == ["plain"]


def test_uniform_model_has_the_entropy_of_the_alphabet() -> None:
    seen = []
    result = evaluate_documents(
        uniform,
        2,
        lambda text: [1, *text.encode()],
        2,
        "abc\n<|endoftext|>\nde\n<|endoftext|>\nf",
        lambda done, total: seen.append((done, total)),
    )
    assert (result.documents, result.characters, result.tokens) == (3, 6, 9)
    assert result.nats_per_token == pytest.approx(math.log(8))
    assert result.bits_per_char == pytest.approx(3 * 9 / 6)
    assert seen[-1] == (9, 9)


def test_empty_text_is_an_error() -> None:
    with pytest.raises(TritforgeError, match="empty"):
        load(backend="golden").evaluate("\n<|endoftext|>\n")
