# SPDX-License-Identifier: Apache-2.0
"""Every plot, with every cast, gives whole English sentences."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from training.stories.cast import CASTS
from training.stories.phrase import PHRASES
from training.stories.story import PLOTS, draw_story

NAMES = [plot["name"] for plot in PLOTS]
SEEDS = range(60)


def test_every_plot_has_a_name_of_its_own_and_a_known_cast() -> None:
    assert not [name for name, count in Counter(NAMES).items() if count > 1]
    assert {plot["cast"] for plot in PLOTS if "cast" in plot} <= set(CASTS)


@pytest.mark.parametrize("plot", NAMES)
def test_texts_of_a_plot_are_whole(plot: str) -> None:
    for seed in SEEDS:
        story = draw_story(seed, plot)
        text = story.text
        assert story.plot == plot
        assert text.isascii(), text
        assert not re.search(r"[\[\]{}<>|]|  | [.,!?]|\.\.|,,", text), text
        assert text.count('"') % 2 == 0, text
        assert text[0].isupper() or text[0] == '"', text
        assert text[-1] in '.!?"', text
        assert not re.search(r"\b[Aa] [aeio]\w", text), text
        assert len(text.split()) < 320, text


def test_seed_decides_and_seeds_differ() -> None:
    assert draw_story(5) == draw_story(5)
    texts = {draw_story(seed).text for seed in range(500)}
    assert len(texts) > 495


def test_every_plot_and_phrase_is_used() -> None:
    drawn = {draw_story(seed).plot for seed in range(40 * len(NAMES))}
    assert drawn == set(NAMES)
    used = re.findall(r"<(\w+)>", repr([PLOTS, PHRASES]))
    # Put in the place of `open` by chance.
    assert set(PHRASES) - set(used) <= {"other_opening"}


def test_unknown_plot_is_refused() -> None:
    with pytest.raises(IndexError, match="no plot dragons"):
        draw_story(0, "dragons")
