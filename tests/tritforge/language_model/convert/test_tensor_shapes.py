# SPDX-License-Identifier: Apache-2.0
"""Names and shapes of the tensors of a checkpoint."""

from __future__ import annotations

from tritforge.language_model.config import ModelShape
from tritforge.language_model.convert.tensor_shapes import expected_shapes

SHAPE = ModelShape(dim=64, layers=2, glu_width=96, vocabulary=300)


def test_tensors_of_a_layer() -> None:
    shapes = expected_shapes(SHAPE)
    layer = {
        name.removeprefix("model.layers.1."): shape
        for name, shape in shapes.items()
        if name.startswith("model.layers.1.")
    }
    square, row = (64, 64), (64,)
    assert layer == {
        "attn_norm.weight": row,
        **{f"attn.{name}_proj.weight": square for name in "ifgo"},
        **{f"attn.{name}_proj.norm.weight": row for name in "ifgo"},
        "attn.g_norm.weight": row,
        "mlp_norm.weight": row,
        "mlp.gate_proj.weight": (2 * 96, 64),
        "mlp.gate_proj.norm.weight": row,
        "mlp.down_proj.weight": (64, 96),
        "mlp.down_proj.norm.weight": (96,),
    }


def test_tensors_of_the_model() -> None:
    shapes = expected_shapes(SHAPE)
    rest = {name: shape for name, shape in shapes.items() if ".layers." not in name}
    assert rest == {
        "model.embeddings.weight": (300, 64),
        "model.lower_bounds": (2, 64),
        "model.norm.weight": (64,),
        "lm_head.weight": (300, 64),
        "lm_head.norm.weight": (64,),
    }
    assert len(shapes) == len(rest) + 2 * 15
