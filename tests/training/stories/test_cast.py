# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from random import Random

import pytest

from training.stories.cast import CASTS, draw_cast, with_article


def test_hero_and_friend_are_two_and_pronouns_fit() -> None:
    kinds = set()
    for seed in range(300):
        cast = draw_cast(Random(seed))
        slots = cast.slots
        kinds |= cast.kind
        assert slots["hero"] != slots["friend"]
        if "animals" in cast.kind:
            assert slots["species"] != slots["friend_species"]
        for prefix in ("", "friend_", "elder_"):
            pair = slots[f"{prefix}he"], slots[f"{prefix}his"]
            assert pair in {("he", "his"), ("she", "her")}
        assert (slots["species"] == "boy") <= (slots["he"] == "he")
    assert kinds == set(CASTS)


@pytest.mark.parametrize(("noun", "expected"), [("owl", "an owl"), ("gray owl", "a gray owl")])
def test_article(noun: str, expected: str) -> None:
    assert with_article(noun) == expected
