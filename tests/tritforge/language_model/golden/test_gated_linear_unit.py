# SPDX-License-Identifier: Apache-2.0
"""Gated product SiLU(gate) * up against its parts and float64."""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import Widths
from tritforge.language_model.golden.gated_linear_unit import gated_product
from tritforge.language_model.signals import SaturationFlags

WIDTHS = Widths()
ONE = 1 << WIDTHS.preactivation_fraction


def test_matches_float64() -> None:
    generator = np.random.default_rng(12)
    gate = generator.integers(-20 * ONE, 20 * ONE, (4, 5000))
    up = generator.integers(-(1 << 17) + 1, 1 << 17, (4, 5000))
    flags, shift = SaturationFlags(), 16
    result = gated_product(gate, up, shift, WIDTHS, flags)
    x = gate / ONE
    scale = 2.0 ** (WIDTHS.activation_fraction - shift)
    expected = up * (x / (1 + np.exp(-x))) * scale
    tolerance = np.abs(up) * (np.abs(x) * 1.4e-4 + 2.0**-WIDTHS.activation_fraction) * scale + 1
    assert (np.abs(result - expected) <= tolerance).all()
    assert not flags


def test_silu_is_on_the_gate_not_on_up() -> None:
    flags = SaturationFlags()
    gate, up = np.array([[-16 * ONE, 16 * ONE]]), np.array([[1000, -1000]])
    result = gated_product(gate, up, WIDTHS.activation_fraction, WIDTHS, flags)
    assert result.tolist() == [[0, -16000]]


def test_zero_gate_or_zero_up_is_exactly_zero() -> None:
    flags = SaturationFlags()
    gate, up = np.array([[0, 7 * ONE, 0]]), np.array([[-9999, 0, 0]])
    assert gated_product(gate, up, 0, WIDTHS, flags).tolist() == [[0, 0, 0]]
    assert not flags


def test_saturations_are_counted_where_they_happen() -> None:
    flags = SaturationFlags()
    large_gate = np.full((1, 2), symmetric_limit(WIDTHS.preactivation))
    result = gated_product(large_gate, np.array([[1 << 20, 3]]), 0, WIDTHS, flags)
    limit = symmetric_limit(WIDTHS.operand)
    assert result.tolist() == [[limit, limit]]
    # SiLU of the very largest pre-activation rounds up to one bit above the largest activation.
    assert dict(flags) == {"up_operand": 1, "silu_gate": 2, "operand": 2}
