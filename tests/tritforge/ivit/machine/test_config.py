# SPDX-License-Identifier: Apache-2.0
"""Configuration of the I-ViT machine: derived widths suffice, wrong numbers are refused."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from tritforge.errors import ConfigurationError
from tritforge.ivit.machine.config import MachineConfig, machine_config, machine_for
from tritforge.ivit.shape import PRESETS, VisionShape, VisionWidths, preset

TINY = preset("deit-tiny")


@pytest.mark.parametrize("name", PRESETS)
def test_a_machine_runs_the_model_it_is_made_for(name: str) -> None:
    shape = PRESETS[name]
    machine_for(shape).check_model(shape, VisionWidths())


def test_a_machine_runs_smaller_models_and_no_larger_ones() -> None:
    machine = machine_for(TINY)
    machine.check_model(preset("fashion-mnist"), VisionWidths())
    with pytest.raises(ConfigurationError, match="the model has dim = 384, the machine dim = 192"):
        machine.check_model(preset("deit-small"), VisionWidths())
    many = dataclasses.replace(preset("fashion-mnist"), heads=6)
    with pytest.raises(ConfigurationError, match="heads = 6, the machine heads = 3"):
        machine.check_model(many, VisionWidths())
    with pytest.raises(ConfigurationError, match="generate a machine of the model's widths"):
        machine.check_model(TINY, VisionWidths(activation=7))


def test_heads_of_other_sizes_need_room_for_their_values() -> None:
    machine = machine_config(60, heads=3, feature_lanes=20, token_lanes=4)
    wide = VisionShape(32, 16, 3, dim=42, heads=2, layers=1, hidden=64, classes=9)
    with pytest.raises(ConfigurationError, match="2 heads of 21 channels make 4 groups of values"):
        machine.check_model(wide, VisionWidths())


@pytest.mark.parametrize("name", ["fashion-mnist", "deit-tiny", "deit-base"])
def test_packed_products_are_exact_at_the_ends_of_the_ranges(name: str) -> None:
    """Every corner of both operands, in integers of any size."""
    config = machine_for(preset(name))
    half, right = 1 << (config.widths.activation - 1), 1 << (config.right_bits - 1)
    lefts = (-half, -1, 0, 1, half - 1, 2 * half - 1)
    rights = (-right, -1, 0, 1, right - 1)
    for left, low, high in itertools.product(lefts, rights, rights):
        packed = (high << config.product_bits) + low
        assert -(1 << (config.packed_bits - 1)) <= packed < 1 << (config.packed_bits - 1)
        product = left * packed
        low_product = (product + (1 << (config.product_bits - 1))) % (1 << config.product_bits)
        low_product -= 1 << (config.product_bits - 1)
        carry = product >> (config.product_bits - 1) & 1
        assert low_product == left * low
        assert (product >> config.product_bits) + carry == left * high


def test_the_multiplier_of_two_products_is_a_dsp48e1() -> None:
    config = machine_for(TINY)
    assert (config.packed_bits, config.left_bits) == (25, 9)


def test_the_accumulator_holds_the_longest_row_and_a_certain_key() -> None:
    config = machine_for(TINY)
    limit = 1 << (config.accumulator_bits - 1)
    assert 768 * 128 * 128 < limit <= 2 * 768 * 128 * 128
    short = machine_config(16, heads=1, hidden=16, patch_inputs=16)
    assert 1 << (short.accumulator_bits - 1) > 32767 * 128


MISTAKES = {
    "dim = 1 is out of range": {"dim": 1},
    "heads = 5: every head needs": {"heads": 5},
    "token_lanes = 65 is out of range": {"token_lanes": 65},
    "token_lanes = 5 is not a multiple of result_lanes = 2": {"token_lanes": 5},
    "feature_lanes = 3 is odd": {"feature_lanes": 3, "token_lanes": 3, "result_lanes": 1},
    "elements = 3 is not available": {"elements": 3},
    "board": {"board": "none"},
    "give a probability of up to 9 bits": {"widths": VisionWidths(activation=4)},
}


@pytest.mark.parametrize("message", MISTAKES)
def test_wrong_numbers_are_refused(message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        dataclasses.replace(machine_for(TINY), **MISTAKES[message])


def test_a_hidden_width_that_follows_must_be_possible() -> None:
    with pytest.raises(ConfigurationError, match="dim = 4096 implies 16384 hidden channels"):
        machine_config(4096)


def test_fingerprints_differ() -> None:
    machine = machine_for(TINY)
    others = [
        dataclasses.replace(machine, elements=8),
        dataclasses.replace(machine, widths=VisionWidths(gain=16)),
    ]
    assert len({item.fingerprint() for item in (machine, *others)}) == 3
    assert MachineConfig(**{**machine.to_mapping(), "widths": VisionWidths()}) == machine
