# SPDX-License-Identifier: Apache-2.0
"""Digits of probabilities, which add up and are left operands, and of trits."""

from __future__ import annotations

import numpy as np
import pytest

from tritforge.ivit.machine.config import machine_config
from tritforge.ivit.machine.digits import probability_digits, ternary_digits
from tritforge.ivit.shape import VisionWidths


@pytest.mark.parametrize(("activation", "probability"), [(8, 16), (8, 9), (8, 4), (4, 9), (6, 10)])
def test_digits_are_operands_and_add_up(activation: int, probability: int) -> None:
    widths = VisionWidths(activation=activation, probability=probability)
    config = machine_config(64, widths=widths)
    probabilities = np.arange(1 << config.probability_bits)
    digits = probability_digits(probabilities, config)
    assert len(digits) == config.probability_digits <= 2
    total = np.zeros_like(probabilities)
    for digit in digits:
        assert digit.min() == 0 and digit.max() < 1 << (config.left_bits - 1)
        total = (total << activation) + digit
    assert np.array_equal(total, probabilities)


def test_digits_say_which_sign_a_number_gets() -> None:
    np.testing.assert_array_equal(ternary_digits(np.array([0, 1, -1])), [0, 1, 2])
    with pytest.raises(ValueError, match="ternary weights are -1, 0 and 1"):
        ternary_digits(np.array([2]))
