# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from training.ivit.rounding import (  # noqa: E402
    dyadic,
    next_power_of_two,
    power_of_two,
    quotient,
    requantise,
    straight_through,
)
from tritforge.ivit.golden.requantise import requantise as golden_requantise  # noqa: E402
from tritforge.ivit.quantise import ScaleFormat, dyadic_factors  # noqa: E402


@pytest.mark.parametrize("bits", [1, 2, 8, 12, 31])
def test_dyadic_ratio_is_multiplier_and_shift(bits: int) -> None:
    random = np.random.RandomState(bits)
    ratios = np.concatenate(
        [np.exp(random.uniform(-12, 3, 500)), -np.exp(random.uniform(-12, 3, 100)), [1.5, 0.75, 1]]
    )
    factors = dyadic_factors("test", ratios, bits)
    expected = factors.multiplier * 2.0 ** -factors.shift.astype(int)
    np.testing.assert_array_equal(dyadic(torch.from_numpy(ratios), bits).numpy(), expected)


def test_requantise_is_golden() -> None:
    random = np.random.RandomState(0)
    sums = random.randint(-(10**6), 10**6, (200, 7))
    ratios = np.exp(random.uniform(-10, -6, 7))
    factors = dyadic_factors("test", ratios, 31)
    total = torch.from_numpy(sums)
    result = requantise(total.double(), total.float(), torch.from_numpy(ratios), 8, 31)
    np.testing.assert_array_equal(result.numpy(), golden_requantise(sums, factors, 8))


def test_gradient_passes_straight_through_and_stops_at_the_limits() -> None:
    values = torch.tensor([1.3, 2.6, 500.0, -500.0], requires_grad=True)
    result = requantise(values.double(), values, torch.tensor(0.5, dtype=torch.float64), 8, 31)
    result.sum().backward()
    assert result.tolist() == [1, 1, 127, -128]
    assert values.grad is not None
    assert values.grad.tolist() == [0.5, 0.5, 0, 0]


def test_exact_numbers_are_not_touched() -> None:
    exact = torch.tensor([3.0, 16777215.0])
    assert torch.equal(straight_through(exact, torch.tensor([0.1, 1e30])), exact)


def test_powers_of_two() -> None:
    scales = np.array([0.25, 0.2500001, 0.3, 1, 3, 1e-6], np.float32)
    expected = ScaleFormat.POWER_OF_TWO.apply(scales)
    np.testing.assert_array_equal(next_power_of_two(torch.from_numpy(scales)).numpy(), expected)
    exponents = torch.arange(-20, 32, dtype=torch.int32)
    np.testing.assert_array_equal(power_of_two(exponents).numpy(), 2.0 ** exponents.numpy())


def test_quotient_is_rounded_once() -> None:
    values = np.arange(1, 1000, dtype=np.float32)
    result = quotient(torch.from_numpy(values), 127).numpy()
    np.testing.assert_array_equal(result, values / np.float32(127))
