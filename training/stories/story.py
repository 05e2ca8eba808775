# SPDX-License-Identifier: Apache-2.0
"""A story from a seed: a cast, a plot that suits it, one text for each beat of the plot."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from random import Random
from typing import Any

from training.stories.cast import Cast, draw_cast
from training.stories.phrase import expand, sentences

PLOTS: list[dict[str, Any]] = [
    plot
    for path in sorted(
        files(__package__).joinpath("plots").iterdir(), key=lambda entry: str(entry.name)
    )
    for plot in json.loads(path.read_text("utf-8"))["plots"]
]
_ENDS_OF_SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z\"])")
#: Shares of optional beats left out and of openings of the rarer kind.
_LEFT_OUT, _OTHER_OPENING = 0.45, 0.2
#: Paragraphs begin before these beats, in shares of the stories.
_PARAGRAPHS = ((0.55, frozenset({2, 4, 6, 8})), (0.1, frozenset({3, 6})))
#: A sentence at least this long stands in a story once.
_LONG = 18


@dataclass(frozen=True)
class Story:
    """A story and the name of its plot."""

    plot: str
    text: str


def draw_story(seed: int, name: str | None = None) -> Story:
    """The story of a seed, of the plot of that name if one is given; other seeds may have the same.

    Raises:
        IndexError: there is no such plot.
    """
    plots = PLOTS if name is None else [plot for plot in PLOTS if plot["name"] == name]
    if not plots:
        raise IndexError(f"there is no plot {name}")
    random = Random(seed)
    fitting: list[dict[str, Any]] = []
    while not fitting:
        cast = draw_cast(random)
        fitting = [plot for plot in plots if "cast" not in plot or plot["cast"] in cast.kind]
    plot = random.choice(fitting)
    beats = _beats(random, plot, cast)
    breaks: frozenset[int] = frozenset()
    chance = random.random()
    for share, places in _PARAGRAPHS:
        if 0 <= chance < share:
            breaks = places
        chance -= share
    text = ""
    for place, beat in enumerate(beats):
        text += ("\n\n" if place in breaks else " " if place else "") + beat
    return Story(plot["name"], text)


def _beats(random: Random, plot: dict[str, Any], cast: Cast) -> list[str]:
    slots = dict(cast.slots)
    for name, values in plot.get("slots", {}).items():
        value = random.choice(values)
        # Values that belong together are name, name2, name3.
        for place, part in enumerate([value] if isinstance(value, str) else value):
            key = name if place == 0 else f"{name}{place + 1}"
            slots[key] = expand(random, part, slots)
    beats: list[str] = []
    for beat in plot["beats"]:
        if beat.get("optional") and random.random() < _LEFT_OUT:
            continue
        text = random.choice(beat["texts"])
        if random.random() < _OTHER_OPENING:
            text = text.replace("<open>", "<other_opening>")
        text = _without_repetition(sentences(expand(random, text, slots)), beats)
        if text and not (beat["part"] == "end2" and _repeats_the_end(text, beats)):
            beats.append(text)
    return beats


def _without_repetition(text: str, beats: list[str]) -> str:
    kept = [
        sentence
        for sentence in _ENDS_OF_SENTENCES.split(text)
        if len(sentence) <= _LONG or not any(sentence in beat for beat in beats)
    ]
    return " ".join(kept)


def _repeats_the_end(text: str, beats: list[str]) -> bool:
    """Whether a second end says what the beats just before it said."""
    before = " ".join(beats[-2:])
    if any(sentence in before for sentence in _ENDS_OF_SENTENCES.split(text)):
        return True
    pairs = (("learned", "learned"), ("That night", "That"), ("rom that day", "From"))
    if any(first in before and then in text for first, then in pairs):
        return True
    return "The end." in before or ("rom that day" in before and "After that" in text)
