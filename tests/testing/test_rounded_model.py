# SPDX-License-Identifier: Apache-2.0
"""`testing.rounded_model`: with every rounding the integer model, without any the float one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from testing.fidelity_grid import Case, cases
from testing.random_conversion import RandomConversion, distance, small_shape
from testing.rounded_model import RoundedModel, Rounding
from testing.upstream_model import Storage, UpstreamModel
from tritforge.language_model.convert.comparison import compare

#: Gains, norm epsilons and slow gates that the sizes alone do not reach.
NAMES = ("dim-37-layers-2", "gains-0.1", "bound-0.999-layers-6")


@pytest.fixture(scope="module", params=NAMES)
def conversion(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> RandomConversion:
    case = next(case for case in cases() if case.name == request.param)
    short = Case(case.name, case.shape, case.change, streams=3, positions=4)
    return short.convert(tmp_path_factory.mktemp("case"))


def test_every_rounding_together_is_the_integer_model(conversion: RandomConversion) -> None:
    logits, _, saturations = conversion.integers()
    assert not saturations
    rounded = RoundedModel(conversion.reference, conversion.image)
    assert np.array_equal(conversion.logits(rounded), logits)


def test_no_rounding_is_the_float_model(conversion: RandomConversion) -> None:
    expected = conversion.logits(conversion.reference)
    exact = RoundedModel(conversion.reference, conversion.image, ())
    assert distance(conversion.logits(exact), expected) < 1e-9


@pytest.mark.parametrize("rounding", Rounding)
def test_every_rounding_changes_the_model(conversion: RandomConversion, rounding: Rounding) -> None:
    one = RoundedModel(conversion.reference, conversion.image, {rounding})
    expected = conversion.logits(conversion.reference)
    assert 0 < distance(conversion.logits(one), expected) < 0.2


def test_finer_roundings_come_nearer(conversion: RandomConversion) -> None:
    expected = conversion.logits(conversion.reference)
    errors = [
        distance(
            conversion.logits(RoundedModel(conversion.reference, conversion.image, more_bits=bits)),
            expected,
        )
        for bits in (0, 30)
    ]
    assert errors[1] < errors[0] / 10


def test_upstreams_types_are_ordered(tmp_path: Path) -> None:
    conversion = RandomConversion.make(tmp_path, small_shape(64, 2), 4, 4)
    expected = conversion.logits(conversion.reference)
    errors = [
        conversion.compare(UpstreamModel(conversion.reference, storage), expected).logit_error
        for storage in (Storage.FLOAT32, Storage.FLOAT16, Storage.BFLOAT16)
    ]
    assert errors == sorted(errors)
    logits, choices, saturations = conversion.integers()
    assert compare(logits, choices, expected, saturations).logit_error < errors[1]
