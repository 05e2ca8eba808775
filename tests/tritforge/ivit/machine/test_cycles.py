# SPDX-License-Identifier: Apache-2.0
"""Cycle model: no operation is faster than its work, and lanes and elements help."""

from __future__ import annotations

import dataclasses

import pytest

from tritforge.errors import ConfigurationError
from tritforge.ivit.machine.config import machine_for
from tritforge.ivit.machine.cycles import image_cycles, operation_cycles
from tritforge.ivit.machine.operations import OperationKind, operations
from tritforge.ivit.shape import preset

TINY = preset("deit-tiny")
CONFIG = machine_for(TINY)


def test_no_operation_is_faster_than_its_work() -> None:
    for operation in operations(TINY):
        cycles = operation_cycles(operation, TINY, CONFIG)
        assert cycles.total >= max(cycles.array, cycles.rows) >= 1
        assert cycles.array >= cycles.ideal


def test_a_linear_layer_by_hand() -> None:
    (query,) = (item for item in list(operations(TINY))[:4] if item.kind is OperationKind.QUERY)
    cycles = operation_cycles(query, TINY, CONFIG)
    # 6 slices of 32 features, 20 groups of 10 tokens, 192 beats; 4 words per beat of a slice.
    assert cycles.array == 6 * 20 * 192
    assert cycles.loading == 192 * 4 + 6 * 8
    assert cycles.total == cycles.array + cycles.loading + 32 * 5


def test_totals_are_sums_and_a_smaller_model_is_faster() -> None:
    image = image_cycles(TINY, CONFIG)
    assert image.total == sum(
        operation_cycles(item, TINY, CONFIG).total for item in operations(TINY)
    )
    assert sum(count for count, _ in image.by_kind.values()) == len(list(operations(TINY)))
    assert image.images_per_second(125) == pytest.approx(125e6 / image.total)
    assert image_cycles(preset("fashion-mnist"), CONFIG).total < image.total / 4


def test_lanes_and_elements_save_cycles() -> None:
    total = image_cycles(TINY, CONFIG).total
    for better in ({"elements": 8}, {"feature_lanes": 64}, {"token_lanes": 40}):
        assert image_cycles(TINY, dataclasses.replace(CONFIG, **better)).total < total


def test_a_model_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="the machine dim = 192"):
        image_cycles(preset("deit-small"), CONFIG)
