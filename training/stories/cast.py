# SPDX-License-Identifier: Apache-2.0
"""Who acts in a story: a hero, a friend and an elder, all children or all animals."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files
from random import Random
from typing import Any

_WORDS: dict[str, Any] = json.loads(files(__package__).joinpath("cast.json").read_text("utf-8"))
_PRONOUNS = {"he": ("him", "his", "himself"), "she": ("her", "her", "herself")}
#: Shares of stories with children, of small animals among animals, of children with a child friend.
_CHILDREN, _SMALL, _CHILD_FRIEND = 0.55, 0.7, 0.75
#: Casts that a plot may ask for.
CASTS = ("children", "animals", "small animals")


@dataclass(frozen=True)
class Character:
    """One who acts.

    Attributes:
        name: given name.
        he: "he" or "she".
        species: "boy", "girl" or an animal.
        kind: the species with its colour, if it has one.
    """

    name: str
    he: str
    species: str
    kind: str


@dataclass(frozen=True)
class Cast:
    """The cast of a story.

    Attributes:
        kind: those of `CASTS` that it is.
        slots: text of each slot that a plot can name.
    """

    kind: frozenset[str]
    slots: dict[str, str]


def with_article(noun: str) -> str:
    """The noun behind "a" or "an"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def draw_cast(random: Random) -> Cast:
    """A cast by chance."""
    are_children = random.random() < _CHILDREN
    hero = _character(random, are_children, (), ())
    friend_is_child = are_children and random.random() < _CHILD_FRIEND
    friend = _character(random, friend_is_child, (hero.name,), (hero.species,))
    world = _WORDS["children" if are_children else "animals"]
    slots = {
        "hero": hero.name,
        "kind": hero.kind,
        "species": hero.species,
        "friend": friend.name,
        "friend_kind": friend.kind,
        "friend_species": friend.species,
        "friend_article": with_article(friend.kind).split()[0],
        "friend_introduced": _introduction(random, hero, friend, friend_is_child),
        "place": random.choice(world["places"]),
        "hobby": random.choice(world["hobbies"]),
        "outdoors": random.choice(world["outdoors"]),
        **_pronouns("", hero.he),
        **_pronouns("friend_", friend.he),
        **_elder(random, are_children, hero, friend),
    }
    kind = {"children"} if are_children else {"animals"}
    if hero.species in _WORDS["animals"]["small"]:
        kind.add("small animals")
    return Cast(frozenset(kind), slots)


def _character(
    random: Random, is_child: bool, names: Collection[str], species_taken: Collection[str]
) -> Character:
    """A character with another name, and if an animal of another species, than those taken."""
    he = random.choice(("he", "she"))
    name = random.choice([name for name in _WORDS["names"][he] if name not in names])
    if is_child:
        species = "boy" if he == "he" else "girl"
        return Character(name, he, species, species)
    animals = _WORDS["animals"]
    size = "small" if random.random() < _SMALL else "big"
    species = random.choice([name for name in animals[size] if name not in species_taken])
    colours = ["green"] if species in animals["green"] else animals["colours"]
    has_colour = random.random() < 0.4 and species not in animals["uncoloured"]
    kind = f"{random.choice(colours)} {species}" if has_colour else species
    return Character(name, he, species, kind)


def _introduction(random: Random, hero: Character, friend: Character, is_child: bool) -> str:
    his = _PRONOUNS[hero.he][1]
    if is_child:
        return random.choice(
            (
                f"{with_article(friend.kind)} named {friend.name}",
                f"{with_article(friend.kind)} called {friend.name}",
                f"{his} friend {friend.name}",
            )
        )
    return random.choice(
        (
            f"{friend.name} the {friend.species}",
            f"{his} friend {friend.name} the {friend.species}",
            f"{with_article(friend.kind)} named {friend.name}",
        )
    )


def _elder(
    random: Random, are_children: bool, hero: Character, friend: Character
) -> dict[str, str]:
    world = _WORDS["children" if are_children else "animals"]
    if are_children or random.random() < 0.5:
        relative, he, address = random.choice(world["relatives"])
        name = f"{_PRONOUNS[hero.he][1]} {relative}"
    else:
        taken = (hero.species, friend.species)
        species = random.choice([one for one in world["elders"] if one not in taken])
        name, he, address = world["elders"][species], random.choice(("he", "she")), species.title()
    return {"elder": name, "elder_address": address, **_pronouns("elder_", he)}


def _pronouns(prefix: str, he: str) -> dict[str, str]:
    him, his, himself = _PRONOUNS[he]
    return {
        f"{prefix}he": he,
        f"{prefix}him": him,
        f"{prefix}his": his,
        f"{prefix}himself": himself,
    }
