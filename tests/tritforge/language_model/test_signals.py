# SPDX-License-Identifier: Apache-2.0
"""Every signal that saturates belongs to one unit and has one sticky bit."""

from __future__ import annotations

from tritforge.language_model.config import accelerator
from tritforge.language_model.golden import (
    dequantiser,
    element_unit,
    quantiser,
    ternary_array,
    vector_unit,
)
from tritforge.language_model.interface import SATURATION_SIGNALS, machine_interface
from tritforge.language_model.signals import SaturationFlags, Signal

UNITS = (vector_unit, quantiser, ternary_array, dequantiser, element_unit)


def test_every_signal_belongs_to_exactly_one_unit() -> None:
    signals = [signal for unit in UNITS for signal in unit.SIGNALS]
    assert len(signals) == len(set(signals))
    assert set(signals) == set(Signal)


def test_sticky_bits_are_the_signals_in_their_order() -> None:
    fields = machine_interface(accelerator(64)).registers.register("saturation").fields
    assert [field.name for field in fields] == [signal.value for signal in Signal]
    assert [field.low for field in fields] == list(range(len(Signal)))
    assert list(SATURATION_SIGNALS) == [str(signal) for signal in Signal]


def test_flags_become_bits_and_plain_names() -> None:
    flags = SaturationFlags({Signal.VALUE: 3, Signal.STATE: 0})
    assert flags.bits((Signal.LOGIT, Signal.VALUE, Signal.STATE)) == [0, 1, 0]
    names = flags.by_name()
    assert names == {"value": 3} and [type(name) for name in names] == [str]
