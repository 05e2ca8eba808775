# SPDX-License-Identifier: Apache-2.0
"""Operations of a model: their work adds up to the model's, and their places fit together."""

from __future__ import annotations

import pytest

from tritforge.ivit.machine.operations import PLACES, OperationKind, operations
from tritforge.ivit.shape import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_multiply_adds_and_weights_are_those_of_the_model(name: str) -> None:
    shape = PRESETS[name]
    found = list(operations(shape))
    # The class token is embedded like a patch.
    extra = shape.patch_inputs * shape.dim
    assert sum(item.multiply_adds for item in found) == shape.multiply_adds + extra
    weights = sum(item.inputs * item.features for item in found if item.has_weights)
    assert weights == shape.weights


def test_every_kind_has_its_places_and_every_memory_is_filled_before_it_is_read() -> None:
    assert set(PLACES) == set(OperationKind)
    filled = {"rows"}  # the patches
    for operation in operations(PRESETS["fashion-mnist"]):
        place = PLACES[operation.kind]
        assert place.source in filled, operation.kind
        filled.add(place.target)
    assert "logits" in filled
