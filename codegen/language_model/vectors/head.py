# SPDX-License-Identifier: Apache-2.0
"""Vectors of the head: scores of whole runs to the output packet."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array, symmetric_limit
from tritforge.language_model.config import TOP_K, AcceleratorConfig
from tritforge.language_model.golden.head import output_packet
from tritforge.language_model.golden.headers import HeadHeader
from tritforge.language_model.golden.timing import head_steps
from tritforge.language_model.wire.element_order import in_element_order
from tritforge.language_model.wire.words import Words, high_half, low_half

_SEED = 7
#: Limits the size of the file where the vocabulary is large.
_MOST_SCORES = 4096


def vectors(config: AcceleratorConfig) -> str:
    """Every order of scores that a sorted list can meet, then runs without scores."""
    random = RandomState(_SEED)
    file = VectorFile(
        "head: sums and logits to the output packet, low and high halves of its words"
    )
    for name, sums in _sums(config, random):
        limit = symmetric_limit(config.widths.logit)
        logits = random.randint(-limit, limit + 1, sums.shape, dtype=np.int64)
        for all_logits in (False, True):
            _add(file, f"{name}{'_all_logits' * all_logits}", sums, logits, all_logits, config)
        if name == "rising":
            _add_aborted(file, config)
    _add_aborted(file, config)
    return file.text()


def _sums(config: AcceleratorConfig, random: RandomState) -> list[tuple[str, Int64Array]]:
    """(lanes, tokens) each; all lanes differ where the name allows it."""
    lanes, tile = config.lanes, config.rows_per_beat
    limit = symmetric_limit(config.widths.accumulator)
    most = min(config.vocabulary, _MOST_SCORES // lanes)
    usual = min(3 * tile + 5, most)

    def drawn(tokens: int, largest: int = limit) -> Int64Array:
        return np.asarray(random.randint(-largest, largest + 1, (lanes, tokens), dtype=np.int64))

    rising = np.arange(usual, dtype=np.int64) + np.arange(lanes)[:, None]
    return [
        (f"random_{most}", drawn(most)),
        *(
            (f"random_{tokens}", drawn(tokens))
            for tokens in sorted({2, TOP_K - 1, TOP_K, TOP_K + 1, tile, tile + 1, usual})
            if tokens <= most
        ),
        ("rising", rising),
        ("falling", -rising),
        ("all_equal", np.full((lanes, usual), -5)),
        ("many_ties", drawn(usual, 2)),
        ("all_smallest", np.full((lanes, usual), -limit)),
        ("one_largest_at_the_end", np.where(np.arange(usual) == usual - 1, limit, drawn(usual, 9))),
    ]


def _halves(words: Words) -> Int64Array:
    """(words, 2): low and high half, signed."""
    return np.stack([low_half(words), high_half(words)], axis=-1)


def _add(
    file: VectorFile,
    name: str,
    sums: Int64Array,
    logits: Int64Array,
    all_logits: bool,
    config: AcceleratorConfig,
) -> None:
    tile, tokens = config.rows_per_beat, sums.shape[-1]
    file.case(name)
    file.add(
        tokens=tokens,
        all_logits=int(all_logits),
        # Padded rows are the best of all, if they count.
        sums=in_element_order(sums, tile, padding=symmetric_limit(config.widths.accumulator)),
        logits=in_element_order(logits, tile, padding=77),
    )
    headers = [HeadHeader(0, 0, int(all_logits), tokens), HeadHeader(end=1)]
    packet = output_packet(headers, np.stack([sums, logits]), tile)
    file.expect(output=_halves(packet), steps=head_steps(tokens, config))


def _add_aborted(file: VectorFile, config: AcceleratorConfig) -> None:
    file.case("aborted")
    file.add(tokens=0, all_logits=0, sums=[], logits=[])
    packet = output_packet([HeadHeader(end=1, abort=1)], None, config.rows_per_beat)
    file.expect(output=_halves(packet), steps=head_steps(0, config))
