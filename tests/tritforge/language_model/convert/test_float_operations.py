# SPDX-License-Identifier: Apache-2.0
"""Which tensors of a checkpoint belong to which operation, and the forget gates' lower bounds."""

from __future__ import annotations

import numpy as np

from tritforge.language_model.config import ModelShape
from tritforge.language_model.convert.float_operations import (
    cumulative_lower_bounds,
    gather_float_operation,
)
from tritforge.language_model.float_parameters import FloatArray
from tritforge.language_model.program import operation_shapes

SHAPE = ModelShape(dim=16, layers=3, glu_width=20, vocabulary=30)
#: Layer 2, then the head: norm gain, and norms of the BitLinears in stream order.
EXPECTED = [
    ("attn_norm", ["attn.f_proj.norm", "attn.i_proj.norm", "attn.g_proj.norm"]),
    ("attn.g_norm", ["attn.o_proj.norm"]),
    ("mlp_norm", ["mlp.gate_proj.norm"]),
    (None, ["mlp.down_proj.norm"]),
]


def test_every_operation_takes_its_own_tensors() -> None:
    loaded: list[str] = []

    def load(name: str) -> FloatArray:
        loaded.append(name)
        return np.full(4, float(len(loaded)))

    bounds = np.arange(SHAPE.layers * 4.0).reshape(SHAPE.layers, 4)
    items = [item for item in operation_shapes(SHAPE) if item.matrices]
    for item, (norm, own) in zip(items[-5:-1], EXPECTED):
        loaded.clear()
        scales = [0.25 * (index + 1) for index in range(len(own))]
        found = gather_float_operation(item, load, scales, bounds)
        names = ([] if norm is None else [norm]) + own
        assert loaded == [f"model.layers.2.{name}.weight" for name in names]
        assert (found.norm_gain is None) == (norm is None)
        assert found.own_gains.shape == (len(own), 4)
        assert found.own_gains[:, 0].tolist() == list(
            range(len(names) - len(own) + 1, 1 + len(names))
        )
        assert found.weight_scales.tolist() == scales
        if item.has_lower_bound:
            assert found.lower_bound is not None
            assert found.lower_bound.tolist() == [8, 9, 10, 11]
        else:
            assert found.lower_bound is None
    loaded.clear()
    gather_float_operation(items[-1], load, [1.0], bounds)
    assert loaded == ["model.norm.weight", "lm_head.norm.weight"]


def test_lower_bounds_of_equal_logits_rise_in_equal_steps() -> None:
    assert np.allclose(
        cumulative_lower_bounds(np.zeros((4, 2))), [[0] * 2, [0.25] * 2, [0.5] * 2, [0.75] * 2]
    )


def test_lower_bounds_worked_by_hand() -> None:
    """Shares 1/8, 2/8, 5/8: the first layer has no bound."""
    raw = np.log(np.array([[1.0], [2.0], [5.0]]))
    assert np.allclose(cumulative_lower_bounds(raw)[:, 0], [0, 2 / 8, 7 / 8])


def test_lower_bounds_of_large_logits_stay_in_range() -> None:
    with np.errstate(over="raise", invalid="raise"):
        bounds = cumulative_lower_bounds(np.array([[-1e4, 1e4], [1e4, -1e4], [0.0, 0.0]]))
    assert np.array_equal(bounds, [[0, 0], [1, 0], [1, 0]])
