# SPDX-License-Identifier: Apache-2.0
"""Vectors of the weight join: packets of every port to beats, with marks at wrong places."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from codegen.language_model.vectors.packets import random_words, steps_to_drop, with_length
from codegen.vector_file import VectorFile
from tritforge.language_model.config import AcceleratorConfig

_SEED = 8
_UNUSED = -1


def vectors(config: AcceleratorConfig) -> str:
    """Runs of one operation and more, then packets of wrong lengths on each port alone."""
    random, ports = RandomState(_SEED), config.ports
    file = VectorFile("weight join: a packet a port to beats of the operations")
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
    needed = sum(beats * tiles for beats, tiles in operations)
    beats = np.zeros((needed, ports), np.int64)
    file.case(name)
    file.add(headers=[value for operation in operations for value in operation])
    status, dropping = [], 1
    for port in range(ports):
        length = needed + changes.get(port, 0)
        data = with_length(random_words(random, needed), length, _UNUSED)
        beats[:, port] = with_length(data, needed, 0)
        status += [int(length < needed), int(length > needed)]
        dropping = max(dropping, steps_to_drop(needed, length))
        file.add(**{f"port_{port}": data})
    file.add(beats=beats, status=status, steps=len(operations) + needed + 1 + dropping)
