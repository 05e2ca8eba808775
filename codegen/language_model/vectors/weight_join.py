# SPDX-License-Identifier: Apache-2.0
"""Vectors of the weight join: packets of every port to beats, with marks at wrong places."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from codegen.language_model.vectors.packets import random_words, with_length
from codegen.vector_file import VectorFile
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.golden.headers import WeightHeader
from tritforge.language_model.golden.timing import weight_join_steps
from tritforge.language_model.golden.weight_join import join_weights
from tritforge.language_model.wire.words import WORD

_SEED = 8
_UNUSED = -1


def vectors(config: AcceleratorConfig) -> str:
    """Runs of one operation and more, then packets of wrong lengths on each port alone."""
    random, ports = RandomState(_SEED), config.ports
    file = VectorFile("weight join: one packet per port to beats of the operations")
    single, several = [(1, 1)], [(3, 2), (1, 3), (2, 1)]
    runs: list[tuple[str, list[tuple[int, int]], dict[int, int]]]
    runs = [("one_beat", single, {}), ("several_operations", several, {})]
    for port in range(ports):
        runs += [
            (f"port_{port}_early_by_one", several, {port: -1}),
            (f"port_{port}_ends_with_its_first_word", several, {port: -10}),
            (f"port_{port}_late_by_one", several, {port: 1}),
            (f"port_{port}_late_by_many", several, {port: 5}),
            ("exact_after_it", several, {}),
        ]
    every = range(ports)
    runs += [
        ("all_early", several, {port: -2 - port for port in every}),
        ("all_late", several, {port: 2 + port for port in every}),
        ("early_and_late", several, {port: 2 * (-1) ** port for port in every}),
        ("without_operations_all_is_dropped", [], dict.fromkeys(every, 3)),
        ("exact_after_all", several, {}),
    ]
    for name, operations, changes in runs:
        _add(file, name, operations, changes, ports, random)
    return file.text()


def _add(
    file: VectorFile,
    name: str,
    operations: list[tuple[int, int]],
    changes: dict[int, int],
    ports: int,
    random: RandomState,
) -> None:
    """One run; `changes` are the words a port has too many or, below 0, too few."""
    headers = [WeightHeader(0, beats, tiles) for beats, tiles in operations]
    needed = sum(beats * tiles for beats, tiles in operations)
    file.case(name)
    file.add(headers=[value for operation in operations for value in operation])
    packets = []
    for port in range(ports):
        data = with_length(random_words(random, needed), needed + changes.get(port, 0), _UNUSED)
        packets.append(data.view(WORD))
        file.add(**{f"port_{port}": data})
    joined = join_weights(packets, headers)
    file.expect(
        beats=joined.beats.view(np.int64),
        status=joined.status,
        steps=weight_join_steps(headers, map(len, packets)),
    )
