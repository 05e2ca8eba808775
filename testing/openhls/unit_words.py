# SPDX-License-Identifier: Apache-2.0
"""Random and corner words for the project's units; widths come from the generated constants."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.language_model.constants import constants
from codegen.openhls.flow import default_includes
from codegen.project import render_project
from testing.openhls.words import corner_word, corner_words
from tritforge.language_model.config import AcceleratorConfig, accelerator
from tritforge.language_model.program import SCALE_EXPONENT_RANGE

Words = dict[str, list[int]]
COLUMNS = 5
SHIFT_BITS = 6


def small_config(ports: int = 1, lanes: int = 1) -> AcceleratorConfig:
    """A configuration whose RAMs and counters are small, so that tests reach their ends."""
    return accelerator(dim=64, layers=2, vocabulary=128, ports=ports, lanes=lanes)


def config_include(config: AcceleratorConfig, folder: Path) -> tuple[Path, ...]:
    """Include folders with the generated constants in front."""
    folder.mkdir(parents=True, exist_ok=True)
    header = folder / "tritforge_config.hpp"
    header.write_bytes(
        render_project(LanguageModelBlueprint(config))["include/tritforge_config.hpp"]
    )
    return (folder, *default_includes())


def project_source(config: AcceleratorConfig, folder: Path) -> Path:
    """The generated top.cpp, which wraps every process, and the headers that it needs."""
    files = render_project(LanguageModelBlueprint(config))
    for name in ("top.cpp", "top.hpp"):
        (folder / name).write_bytes(files[f"src/{name}"])
    return folder / "top.cpp"


def constant(config: AcceleratorConfig, name: str) -> int:
    """A constant of the generated header."""
    return next(item.value for item in constants(config) if item.name == name)


def pack(fields: Sequence[tuple[int, int]]) -> int:
    """(value, width) pairs side by side, the first one in the low bits."""
    word, low = 0, 0
    for value, width in fields:
        assert 0 <= value < 1 << width
        word |= value << low
        low += width
    return word


def beats_of(inputs: int) -> int:
    """Beats of a row of `inputs` columns."""
    return -(-inputs // COLUMNS)


def array_words(config: AcceleratorConfig, seed: int, weight_beats: int) -> Words:
    """Operations of one to 15 beats (so with every remainder of K) until enough beats are there."""
    source = random.Random(seed)
    rows, lanes = constant(config, "kRowsPerBeat"), constant(config, "kLanes")
    beat_bits = beats_of(constant(config, "kMaximumInputs")).bit_length()
    tile_bits = constant(config, "kMaximumTiles").bit_length()
    words: Words = {"headers": [], "weights": [], "codes": []}
    while len(words["weights"]) < weight_beats:
        beats = min(source.choice((1, 2, 3, 7, 15, rows + 1)), (1 << beat_bits) - 1)
        tiles = source.choice((1, 2, 3))
        words["headers"].append(pack(((beats, beat_bits), (tiles, tile_bits))))
        for _ in range(beats * tiles):
            words["weights"].append(corner_word(source, 8 * rows))
            words["codes"].append(corner_word(source, 8 * COLUMNS * lanes))
    return words


def scalar_words(config: AcceleratorConfig, seed: int, count: int) -> Words:
    """Requests whose fields are zero, one, largest, random or of random length."""
    source = random.Random(seed)
    widths = (
        constant(config, "kValueBits") - 1,
        constant(config, "kSquareSumBits"),
        constant(config, "kScaleMantissaBits"),
    )
    exponent_bits = constant(config, "kScaleExponentBits")
    largest = SCALE_EXPONENT_RANGE[1]
    requests = []
    for _ in range(count):
        fields = [
            (source.choice((0, 1, (1 << width) - 1, source.getrandbits(source.randint(1, width)))))
            for width in widths
        ]
        exponent = source.choice((0, largest, source.randint(0, largest)))
        requests.append(pack([*zip(fields, widths), (exponent, exponent_bits)]))
    return {"requests": requests}


def quantiser_words(config: AcceleratorConfig, seed: int, operands: int) -> Words:
    """Vectors of every number of consumers; the scalar unit's answers are arbitrary words."""
    source = random.Random(seed)
    limit, lanes = constant(config, "kConsumers"), constant(config, "kLanes")
    longest, rows = constant(config, "kMaximumInputs"), constant(config, "kRowsPerBeat")
    mantissa, exponent = (
        constant(config, "kScaleMantissaBits"),
        constant(config, "kScaleExponentBits"),
    )
    gain_bits = constant(config, "kGainBits")
    shift_bits = constant(config, "kMaximumInputShift").bit_length()
    response_bits = (
        constant(config, "kReciprocalBits") + constant(config, "kMultiplierBits") + 2 * SHIFT_BITS
    )
    words: Words = {"headers": [], "operands": [], "gains": [], "responses": []}
    while len(words["operands"]) < operands:
        inputs = source.choice((1, 2, 5, 36, 37, constant(config, "kDim")))
        consumers = source.randint(0, limit)
        fields = [
            (0, 1),
            (inputs, longest.bit_length()),
            (beats_of(inputs), beats_of(longest).bit_length()),
            (consumers, limit.bit_length()),
            (source.getrandbits(1), 1),
            (source.choice((0, 15, 33, (1 << shift_bits) - 1)), shift_bits),
        ]
        for _ in range(limit):
            fields.append((source.choice((0, 12, 20, 31)), shift_bits))
            fields += [(source.getrandbits(mantissa), mantissa), (source.randint(0, 99), exponent)]
        end = pack([(1, 1), *((0, width) for _, width in fields[1:])])
        words["headers"] += [pack(fields), end] if source.getrandbits(1) else [pack(fields)]
        count = -(-inputs // rows) * rows * lanes
        words["operands"] += corner_words(source, constant(config, "kOperandBits"), count)
        if consumers:
            words["gains"] += corner_words(source, gain_bits * (1 + limit), inputs)
            words["responses"] += corner_words(source, response_bits, consumers * lanes)
    return words


def buffer_words(config: AcceleratorConfig, seed: int, groups: int) -> Words:
    """Operations with one beat and more and every number of vectors."""
    source = random.Random(seed)
    consumers, lanes = constant(config, "kConsumers"), constant(config, "kLanes")
    widths = (
        beats_of(constant(config, "kMaximumInputs")).bit_length(),
        consumers.bit_length(),
        constant(config, "kMaximumTiles").bit_length(),
    )
    words: Words = {"headers": [], "groups": []}
    while len(words["groups"]) < groups:
        beats = source.choice((1, 2, beats_of(constant(config, "kDim"))))
        vectors = source.randint(1, consumers)
        counts = (beats, vectors, source.randint(vectors, vectors + 5))
        words["headers"].append(pack(list(zip(counts, widths))))
        words["groups"] += corner_words(source, 8 * COLUMNS * lanes, beats * vectors)
    return words
