# SPDX-License-Identifier: Apache-2.0
"""Phrases with choices: `[a|b]` is one of both, `<name>` a phrase, `{slot}` the text of a slot.

`{^slot}` is the slot with a capital letter. Choices nest; an empty choice leaves nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from random import Random

PHRASES: dict[str, list[str]] = json.loads(
    files(__package__).joinpath("phrases.json").read_text("utf-8")
)
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_PHRASE = re.compile(r"<(\w+)>")
_SLOT = re.compile(r"\{(\^?)(\w+)\}")
_SENTENCE_START = re.compile(r'(^"?|[.!?]"? |[.!?] ")([a-z])')
#: Behind a quotation that asks or calls, the speaker follows in small letters.
_SPEAKER = re.compile(r'([!?]") (He|She|They|It) (asked|said|cried|shouted)')


def capital(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]


def expand(random: Random, text: str, slots: Mapping[str, str]) -> str:
    """A text without choices, phrases and slots, its spaces and articles in order.

    Raises:
        KeyError: there is no such phrase or slot.
    """
    before = ""
    while text != before:
        before = text
        text = _CHOICE.sub(lambda match: random.choice(match[1].split("|")), text)
        text = _PHRASE.sub(lambda match: random.choice(PHRASES[match[1]]), text)
        if "[" not in text:
            text = _SLOT.sub(lambda match: _slot(match, slots), text)
    text = re.sub(r" +", " ", text).strip()
    text = re.sub(r" ([.,!?])", r"\1", text)
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    return re.sub(r"\b([Aa])n (unicorn|used|one\b)", r"\1 \2", text)


def sentences(text: str) -> str:
    """The text with large letters where sentences begin."""

    def enlarged(match: re.Match[str]) -> str:
        is_after_question = re.search(r'[!?]" $', match[1])
        return match[0] if is_after_question else match[1] + match[2].upper()

    text = _SENTENCE_START.sub(enlarged, text)
    text = text.replace("not have some ", "not have any ")
    return _SPEAKER.sub(lambda match: f"{match[1]} {match[2].lower()} {match[3]}", text)


def _slot(match: re.Match[str], slots: Mapping[str, str]) -> str:
    text = slots[match[2]]
    return capital(text) if match[1] else text
