# SPDX-License-Identifier: Apache-2.0
"""Golden units beside upstream's float32: equal where it is exact, and how it differs elsewhere.

The emulation (testing/ivit_upstream.py) gave every one of the 1.0 million integers of upstream's
own modules that benchmarks/ivit_reference.py compares; the rows here pin it.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.ivit_upstream import (
    FLOAT32,
    upstream_gelu,
    upstream_layer_norm,
    upstream_linear,
    upstream_requantise,
    upstream_softmax,
)
from tritforge.ivit.golden import (
    LayerNormConfig,
    ShiftgeluConfig,
    ShiftmaxConfig,
    layer_norm,
    matrix_product,
    requantise,
    residual_add,
    shiftgelu,
    shiftmax,
    sigmoid_x0_magnitude_of,
    x0_magnitude_of,
)
from tritforge.ivit.parameters import ResidualParameters
from tritforge.ivit.quantise import (
    layer_norm_constants,
    quantise_bias,
    quantise_weight,
    requantisation,
)

F = np.float32
ROW = np.array([127, 100, 64, 13, 0, -3, -21, -128])
SCALES = st.floats(2**-10, 1.0, width=32)


def golden_softmax(scale: float) -> list[int]:
    x0 = x0_magnitude_of(scale)
    return shiftmax(ROW, x0, ShiftmaxConfig(8, 8, 16, 15, x0)).tolist()


def golden_gelu(scale: float) -> list[int]:
    x0 = sigmoid_x0_magnitude_of(scale)
    return shiftgelu(ROW, x0, ShiftgeluConfig(8, 8, 8, 23, x0)).tolist()


def test_shiftmax_of_a_known_row() -> None:
    expected = [26912, 5256, 551, 23, 10, 9, 2, 0]
    assert golden_softmax(0.0625) == expected
    assert upstream_softmax(ROW, 0.0625, 15, 16, FLOAT32).tolist() == expected


def test_shiftgelu_of_a_known_row() -> None:
    expected = [15875, 12700, 8128, 1326, 0, -171, -294, -512]
    assert golden_gelu(0.0625) == expected
    assert upstream_gelu(ROW, 0.0625, 23, 8, FLOAT32).tolist() == expected


def test_in_float32_a_sigmoid_can_be_a_half_where_it_is_just_below() -> None:
    """2**31 - 1 is 2**31 in float32: 64 of 128 instead of 63."""
    expected = [16002, 12700, 8128, 819, 0, -189, -1323, -8064]
    single = [16002, 12700, 8128, 832, 0, -192, -1344, -8192]
    assert golden_gelu(0.1) == expected
    assert upstream_gelu(ROW, 0.1, 23, 8, FLOAT32).tolist() == single
    differing = [x for x, a, b in zip(ROW, expected, single) if a != b]
    assert [b // x for x, b in zip(ROW, single) if x in differing] == [64] * len(differing)


def test_layer_norm_of_a_known_row_keeps_24_bits_in_float32() -> None:
    x = np.array([3000, -2999, 12, 7, -7, 32767, -32768, 1])
    gain = np.array([1, -1, 0.5, 2, 1.5, 1, 1, 0.25], F)
    bias = np.array([0.1, 0.2, -0.3, 0, 1, -1, 0.5, 0.25], F)
    constants, _ = layer_norm_constants("norm", gain, bias, LayerNormConfig(8))
    exact = layer_norm(x, constants, LayerNormConfig(8))
    assert exact.tolist() == [
        107139858, -145171590, -227544306, 115372, 252875708, 376410923, -566338831, 379601993,
    ]  # fmt: skip
    reals, scale = upstream_layer_norm(x.astype(F) * F(0.001), F(0.001), gain, bias)
    assert np.rint(reals / scale).astype(int).tolist() == [
        107139856, -145171584, -227544304, 115372, 252875728, 376410912, -566338816, 379601984,
    ]  # fmt: skip


def test_layer_norm_equals_upstream_in_float64() -> None:
    """A scale that is a power of two, so that x * scale / scale is x."""
    random = np.random.RandomState(0)
    for dim, spread in ((192, 3000), (96, 30), (7, 3), (768, 12000)):
        x = np.clip(np.rint(random.normal(0, spread, (20, dim))), -32768, 32767).astype(np.int64)
        gain = random.uniform(0.3, 1.5, dim).astype(F)
        bias = random.normal(0, 0.5, dim).astype(F)
        constants, scale = layer_norm_constants("norm", gain, bias, LayerNormConfig(dim))
        reals, vector = upstream_layer_norm(x * 2.0**-10, F(2.0**-10), gain, bias)
        assert (scale == vector).all()
        exact = layer_norm(x, constants, LayerNormConfig(dim))
        assert (np.rint(reals / vector.astype(np.float64)) == exact).all()


@given(st.integers(0, 2**32 - 1), SCALES, SCALES, st.sampled_from([8, 16]))
def test_requantisation_of_sums_equals_upstreams_float32(
    seed: int, scale_in: float, scale_out: float, bits: int
) -> None:
    """Sums up to 2**22 survive the way through float32, and their products are exact in float64."""
    z = np.random.RandomState(seed).randint(-(1 << 22), 1 << 22, (3, 16))
    factors = requantisation("site", F(scale_in), F(scale_out), 31)
    upstream = upstream_requantise(z.astype(F) * F(scale_in), F(scale_in), F(scale_out), bits)
    assert (requantise(z, factors, bits) == upstream).all()


@given(st.integers(0, 2**32 - 1), SCALES, SCALES, SCALES)
def test_residual_add_equals_upstreams_float32(
    seed: int, branch: float, identity: float, out: float
) -> None:
    x, y = np.random.RandomState(seed).randint(-(1 << 15), 1 << 15, (2, 3, 16))
    pair = ResidualParameters(
        requantisation("branch", F(branch), F(out), 31),
        requantisation("identity", F(identity), F(out), 31),
    )
    upstream = upstream_requantise(
        x.astype(F) * F(branch), F(branch), F(out), 16, (y.astype(F) * F(identity), F(identity))
    )
    assert (residual_add(x, y, pair, 16) == upstream).all()


@pytest.mark.parametrize("scale", [0.05, 0.1, 0.0078125])
def test_linear_layer_behind_its_requantisation_equals_upstreams_float32(scale: float) -> None:
    """Upstream's operands are (q * s) / s, up to one unit of float32 off; rounding hides that."""
    random = np.random.RandomState(1)
    weight = random.normal(0, 0.1, (24, 192)).astype(F)
    bias = random.normal(0, 0.5, 24).astype(F)
    x = random.randint(-128, 128, (50, 192))
    codes, weight_scale = quantise_weight(weight)
    sums = weight_scale * F(scale)
    golden = matrix_product(x, codes, quantise_bias("linear", bias, sums))
    reals, vector = upstream_linear(x.astype(F) * F(scale), F(scale), weight, bias)
    assert (sums == vector).all()
    out = F(0.1)
    upstream = upstream_requantise(reals, vector, out, 8)
    assert (requantise(golden, requantisation("site", sums, out, 31), 8) == upstream).all()
