# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from random import Random

import pytest

from training.stories.phrase import capital, expand, sentences


def test_choices_nest_and_slots_are_filled() -> None:
    found = {expand(Random(seed), "[a [b|c]|d] {x}, {^x}", {"x": "one"}) for seed in range(50)}
    assert found == {"a b one, One", "a c one, One", "d one, One"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a apple  and [|] a pear .", "an apple and a pear."),
        ("A owl saw a unicorn", "An owl saw a unicorn"),
    ],
)
def test_spaces_and_articles_are_in_order(text: str, expected: str) -> None:
    assert expand(Random(0), text, {}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it rained. he ran.", "It rained. He ran."),
        ('"come!" He said. she came.', '"Come!" he said. She came.'),
        ("They did not have some milk.", "They did not have any milk."),
    ],
)
def test_sentences_begin_with_large_letters(text: str, expected: str) -> None:
    assert sentences(text) == expected


def test_missing_slots_and_phrases_are_refused() -> None:
    for text in ("{nothing}", "<nothing>"):
        with pytest.raises(KeyError):
            expand(Random(0), text, {})


def test_capital_leaves_the_rest() -> None:
    assert (capital("an Owl"), capital("")) == ("An Owl", "")
