# SPDX-License-Identifier: Apache-2.0
"""Vectors of the head: scores of whole runs to the output packet."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from codegen.language_model.vectors.element_order import in_element_order
from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array, symmetric_limit
from tritforge.language_model.config import TOP_K, AcceleratorConfig

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
            _add_aborted(file)
    _add_aborted(file)
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


def _packet(sums: Int64Array, logits: Int64Array, all_logits: bool, tile: int) -> Int64Array:
    """(words, 2): low and high half, signed."""
    tokens = sums.shape[-1]
    words: list[Int64Array] = []
    if all_logits:
        valid = np.broadcast_to(np.arange(tokens) < tokens, sums.shape)
        used = in_element_order(valid.astype(np.int64), tile, padding=0).ravel() == 1
        halves = [in_element_order(item, tile, padding=0).ravel()[used] for item in (logits, sums)]
        words.append(np.stack(halves, axis=-1))
    for lane_sums, lane_logits in zip(sums, logits):
        # A stable sort keeps the lower token first among equals.
        best = np.argsort(-lane_sums, kind="stable")[:TOP_K]
        found = np.stack([lane_logits[best], best], axis=-1)
        none = np.tile(np.array([[0, -1]], np.int64), (TOP_K - len(best), 1))
        words += [found, none]
    return np.concatenate(words)


def _add(
    file: VectorFile,
    name: str,
    sums: Int64Array,
    logits: Int64Array,
    all_logits: bool,
    config: AcceleratorConfig,
) -> None:
    tile = config.rows_per_beat
    # Padded rows are the best of all, if they count.
    ordered = in_element_order(sums, tile, padding=symmetric_limit(config.widths.accumulator))
    file.case(name)
    file.add(
        tokens=sums.shape[-1],
        all_logits=int(all_logits),
        sums=ordered,
        logits=in_element_order(logits, tile, padding=77),
        output=_packet(sums, logits, all_logits, tile),
        steps=1 + ordered.size + TOP_K * config.lanes + 1,
    )


def _add_aborted(file: VectorFile) -> None:
    file.case("aborted")
    file.add(tokens=0, all_logits=0, sums=[], logits=[], output=[0, 0], steps=1)
