# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from pynq_driver.language_model.performance import Sample, sample_shapes, scale
from tritforge.language_model.config import RELEASED_SHAPES, ModelShape, accelerator


def counts(shape: ModelShape) -> dict[str, int]:
    """A machine whose every count is linear in layers and head rows."""
    beats = 1000 * shape.layers + 3 * shape.vocabulary
    stalls = {"array_no_weights": 7 * shape.layers, "array_no_codes": 90 * shape.layers + 11}
    stalls |= {"array_blocked": shape.vocabulary // 8, "array_idle": 40}
    cycles = beats + sum(stalls.values())
    return {"cycles": cycles, "array_beats": beats, "memory_bytes": 17 * beats, **stalls}


@pytest.mark.parametrize("layers", [1, 3])
def test_scaling_is_exact_for_a_linear_machine(layers: int) -> None:
    shape = RELEASED_SHAPES["370m"]
    shapes = sample_shapes(shape, layers, 1024)
    samples = tuple(Sample(item, counts(item)) for item in shapes)
    config = accelerator(shape.dim, ports=2, lanes=4)
    found = scale(samples, shape, config, 12.5, 125e6)
    assert found.token == counts(shape)
    assert found.layer == {
        name: counts(ModelShape(1024, 2, 2816, 1024))[name] - value
        for name, value in counts(ModelShape(1024, 1, 2816, 1024)).items()
    }
    cycles = counts(shape)["cycles"]
    assert found.tokens_per_second == pytest.approx(4 * 125e6 / cycles)
    assert found.limit == "memory"
    assert found.utilisation(found.token) == pytest.approx(
        16 * counts(shape)["array_beats"] / (12.5 * cycles)
    )


def test_ports_limit_what_is_on_offer() -> None:
    shape = RELEASED_SHAPES["370m"]
    samples = tuple(Sample(item, counts(item)) for item in sample_shapes(shape, 1, 512))
    config = accelerator(shape.dim, ports=1)
    found = scale(samples, shape, config, 12.5, 125e6)
    assert found.limit == "ports"
    assert found.offered_bytes_per_cycle == 8
