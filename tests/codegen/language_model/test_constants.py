# SPDX-License-Identifier: Apache-2.0
"""The constants of the generated header against numbers worked out by hand."""

from __future__ import annotations

import dataclasses
import re

import pytest

from codegen.language_model.constants import constants, tables
from testing.repository import ROOT
from tritforge.language_model.config import AcceleratorConfig, SigmoidKind, Widths, accelerator

#: A machine of 2 ports: 16 rows per beat; GLU of 256 * ceil(8 / 3 * 2048 / 256) = 5632.
CONFIG = accelerator(2048, layers=24, vocabulary=32000, ports=2, lanes=4, states=1)
EXPECTED = {
    **{"kDim": 2048, "kLayers": 24, "kGluWidth": 5632, "kVocabulary": 32000},
    **{"kPorts": 2, "kLanes": 4, "kStates": 1, "kRowsPerBeat": 16},
    # The longest row is that of the down projection. The largest operation is the head:
    # 32000 / 16 tiles, against 2 * 5632 / 16 of the gate and up matrices.
    **{"kMaximumInputs": 5632, "kMaximumTiles": 2000},
    **{"kSigmoidKind": 0, "kSigmoidSlopeFraction": 0},
    # Mantissas below 2**17, exponents from -128 to 127, shifts up to 47.
    **{"kScaleMantissaBits": 17, "kScaleExponentBits": 8, "kMaximumInputShift": 47},
    **{"kConsumers": 3, "kCodeLimit": 127, "kTopK": 8, "kInputBits": 32},
    **{"kMinimumDim": 16, "kMinimumGluWidth": 16, "kMinimumVocabulary": 2},
    # Kinds of operations and errors are numbers of the image format and of the register map.
    **{"kEndOfRun": 0, "kEmbed": 1, "kMix": 2, "kProject": 3, "kGlu": 4},
    **{"kResidualBits": 32, "kRootBits": 15, "kLogitFraction": 12},
    # A lower bound is Q0.15, or near 1 its distance from 1 in units of 2**-22.
    **{"kBoundFraction": 15, "kSlowBits": 7},
}


def values_of(config: AcceleratorConfig) -> dict[str, int]:
    found = constants(config)
    values = {item.name: item.value for item in found}
    assert len(values) == len(found), "no name twice"
    return values


def test_values_are_those_worked_out_by_hand() -> None:
    values = values_of(dataclasses.replace(CONFIG, widths=Widths(root=15)))
    assert {name: values.get(name) for name in EXPECTED} == EXPECTED


def test_largest_operation_may_be_a_pair_of_matrices() -> None:
    values = values_of(accelerator(64, glu_width=100, vocabulary=64, ports=1))
    # 13 tiles of 8 rows hold 100 rows, once for the gate and once for the up matrix; mix has three
    # matrices of 8 tiles.
    assert values["kMaximumTiles"] == 26
    assert values["kMaximumInputs"] == 100


def test_every_constant_is_described() -> None:
    for item in constants(CONFIG):
        assert re.fullmatch(r"k[A-Z][A-Za-z0-9]*", item.name)
        assert item.unit and item.allowed and item.meaning, item.name


def test_units_use_no_constant_that_does_not_exist() -> None:
    names = {item.name for item in (*constants(CONFIG), *tables(CONFIG))}
    used: set[str] = set()
    for path in (ROOT / "hls" / "include" / "language_model").glob("*.hpp"):
        used |= set(re.findall(r"\bConfig::(k\w+)", path.read_text(encoding="utf-8")))
    assert len(used) > 40
    assert used <= names


@pytest.mark.parametrize("kind", list(SigmoidKind))
def test_tables_of_the_sigmoid_continue_from_segment_to_segment(kind: SigmoidKind) -> None:
    config = accelerator(64, sigmoid=kind)
    values = values_of(config)
    if kind is SigmoidKind.SHIFT_EXPONENTIAL:
        assert tables(config) == () and values["kSigmoidSegments"] == 0
        return
    starts, slopes = tables(config)
    assert len(starts.values) == len(slopes.values) == values["kSigmoidSegments"]
    assert starts.values[0] == 1 << (config.widths.sigmoid_fraction - 1), "sigmoid(0) = 1/2"
    assert max(slopes.values) == slopes.values[0]
    rises = [after - before for before, after in zip(starts.values, starts.values[1:])]
    if kind is SigmoidKind.TABLE:
        assert list(slopes.values[:-1]) == rises
    else:
        assert values["kSigmoidLargestSlope"] == slopes.values[0]
