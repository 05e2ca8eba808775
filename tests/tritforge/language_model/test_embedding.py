# SPDX-License-Identifier: Apache-2.0
"""Embedding rows: exact values of every type, residuals rounded half up, and what is refused."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tritforge.errors import ImageError
from tritforge.language_model.embedding import Embedding, EmbeddingType, row_mantissas

FLOATS = [kind for kind in EmbeddingType if kind.is_float]
INTEGERS = [kind for kind in EmbeddingType if not kind.is_float]


def embedding(kind: EmbeddingType, bits: list[int], exponent: int = 0) -> Embedding:
    """One row of elements with these bits."""
    unsigned = np.array([bits], np.uint64).astype(f"<u{kind.bits // 8}")
    return Embedding(kind, unsigned.view(kind.storage), np.array([exponent], np.int8))


def test_bfloat16_is_the_upper_half_of_float32() -> None:
    rows = embedding(EmbeddingType.BFLOAT16, [0x3F80, 0xC020, 0x0001])
    assert rows.values(slice(None)).tolist() == [[1.0, -2.5, 2.0**-133]]


@pytest.mark.parametrize("kind", EmbeddingType)
@pytest.mark.parametrize("fraction", [0, 7, 24, 31])
def test_residuals_are_exact_values_rounded_half_up(kind: EmbeddingType, fraction: int) -> None:
    random = np.random.default_rng(fraction)
    bits = random.integers(0, 1 << min(kind.bits, 32), 500).tolist()
    rows = embedding(kind, bits, 0 if kind.is_float else 9)
    values = rows.values(slice(None))[0]
    small = np.isfinite(values) & (np.abs(values) < 100)
    residuals = rows.residuals(np.array([0]), fraction)[0] if small.all() else None
    for index in np.flatnonzero(small).tolist():
        one = Embedding(kind, rows.elements[:, index : index + 1], rows.exponents)
        exact = Fraction(float(values[index])) * 2**fraction + Fraction(1, 2)
        found = one.residuals(np.array([0]), fraction).item()
        assert found == math.floor(exact)
        assert residuals is None or residuals[index] == found


@pytest.mark.parametrize("kind", INTEGERS)
def test_mantissas_are_within_half_a_last_bit_of_their_row(kind: EmbeddingType) -> None:
    rows = np.random.default_rng(1).standard_normal((9, 40)) * 10.0 ** np.arange(-4, 5)[:, None]
    rows[3] = 0
    found = Embedding(kind, *row_mantissas(rows, kind))
    step = 2.0 ** -found.exponents.astype(float)[:, None]
    assert (np.abs(found.values(slice(None)) - rows) <= step / 2 * 1.001).all()
    limit = (1 << kind.bits - 1) - 1
    used = np.abs(found.elements.astype(int)).max(-1)
    assert (used[np.arange(9) != 3] > limit // 2 - 1).all()
    assert not found.elements[3].any()


@pytest.mark.parametrize("kind", FLOATS)
def test_values_that_are_not_finite_are_refused(kind: EmbeddingType) -> None:
    ones = {16: 0x7C00, 32: 0x7F800000}[kind.bits]
    infinity = 0x7F80 if kind is EmbeddingType.BFLOAT16 else ones
    for bits in (infinity, infinity | 1):
        with pytest.raises(ImageError, match="not finite or too large for 32 bits"):
            embedding(kind, [0, bits]).check(0, 32)
    with pytest.raises(ImageError, match="exponents must be 0"):
        embedding(kind, [0], exponent=1).check(0, 32)


@pytest.mark.parametrize("kind", EmbeddingType)
def test_every_value_must_fit_the_residual(kind: EmbeddingType) -> None:
    bits = {"float16": 0x3C00, "bfloat16": 0x3F80, "float32": 0x3F800000}.get(kind.value, 1)
    one = embedding(kind, [bits])
    assert one.values(slice(None)).tolist() == [[1.0]]
    one.check(30, 32)
    with pytest.raises(ImageError, match="too large for 32 bits with 31 fraction bits"):
        one.check(31, 32)


def test_a_copy_is_independent() -> None:
    rows = embedding(EmbeddingType.INT8, [1, 2])
    copied = rows.copy()
    rows.elements[:] = 0
    assert copied.values(slice(None)).tolist() == [[1, 2]]


def test_exponents_are_those_that_a_32_bit_processor_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """There NumPy's ldexp has no loop for 64-bit exponents."""
    honest = np.ldexp

    def ldexp_of_32_bits(values: Any, exponents: Any) -> Any:
        assert np.asarray(exponents).dtype.itemsize <= 4
        return honest(values, exponents)

    monkeypatch.setattr(np, "ldexp", ldexp_of_32_bits)
    rows = np.random.default_rng(1).normal(size=(3, 16))
    elements, exponents = row_mantissas(rows, EmbeddingType.INT8)
    found = Embedding(EmbeddingType.INT8, elements, exponents).values(np.arange(3))
    np.testing.assert_allclose(found, rows, atol=0.05)
