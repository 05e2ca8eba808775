# SPDX-License-Identifier: Apache-2.0
"""The type of an embedding follows from its values: exact where 16 bits hold them."""

from __future__ import annotations

import numpy as np
import pytest

from tritforge.language_model.convert.embedding_table import choose_type, write_embedding
from tritforge.language_model.embedding import Embedding, EmbeddingType


def table(kind: str) -> np.ndarray:
    values = np.random.default_rng(2).standard_normal((5000, 3)).astype(np.float32)
    if kind == "bfloat16":
        bits = values.view(np.uint32) & np.uint32(0xFFFF0000)
        values = bits.view(np.float32) * np.float32(2.0**-30)
    return values.astype(np.float16) if kind == "float16" else values


@pytest.mark.parametrize(
    ("kind", "bits", "expected"),
    [
        ("float16", 16, EmbeddingType.FLOAT16),
        ("bfloat16", 16, EmbeddingType.BFLOAT16),
        ("float32", 16, EmbeddingType.INT16),
        ("float32", 32, EmbeddingType.FLOAT32),
        ("float16", 32, EmbeddingType.FLOAT32),
        ("float16", 8, EmbeddingType.INT8),
    ],
)
def test_type_and_values(kind: str, bits: int, expected: EmbeddingType) -> None:
    values = table(kind)
    found = choose_type(values, bits)
    assert found is expected
    target = Embedding(found, np.zeros(values.shape, found.storage), np.zeros(len(values), np.int8))
    maxima = write_embedding(values, target)
    kept = target.values(slice(None))
    assert np.array_equal(maxima, np.abs(kept).max(0))
    if found.is_float:
        assert np.array_equal(kept, values)
    else:
        step = np.abs(values).max(-1) / ((1 << found.bits - 1) - 1)
        assert (np.abs(kept - values).max(-1) <= step * 1.001).all()


def test_one_value_that_does_not_fit_decides() -> None:
    values = table("float16").astype(np.float32)
    assert choose_type(values, 16) is EmbeddingType.FLOAT16
    values[-1, -1] += np.float32(2.0**-20)
    assert choose_type(values, 16) is EmbeddingType.INT16
