# SPDX-License-Identifier: Apache-2.0
"""Every parameter: its range, its error text, and what depends on what."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from tritforge.errors import ConfigurationError
from tritforge.language_model.config import (
    DIM_RANGE,
    GLU_RANGE,
    LAYER_RANGE,
    RELEASED_SHAPES,
    VOCABULARY_RANGE,
    AcceleratorConfig,
    ModelShape,
    SigmoidKind,
    Widths,
    accelerator,
    default_glu_width,
)

WIDTH_RANGES = {item.name: item.metadata["range"] for item in dataclasses.fields(Widths)}
SHAPE_RANGES = {
    "dim": DIM_RANGE,
    "layers": LAYER_RANGE,
    "glu_width": GLU_RANGE,
    "vocabulary": VOCABULARY_RANGE,
}
SMALL = {"dim": 64, "layers": 2, "glu_width": 96, "vocabulary": 300}


@pytest.mark.parametrize("name", WIDTH_RANGES)
@pytest.mark.parametrize("side", [0, 1])
def test_width_out_of_range_names_itself_the_value_and_the_range(name: str, side: int) -> None:
    allowed = WIDTH_RANGES[name]
    value = allowed[side] + (1 if side else -1)
    with pytest.raises(ConfigurationError) as error:
        Widths(**{name: value})
    for part in (name, str(value), str(allowed[0]), str(allowed[1])):
        assert part in str(error.value)


@pytest.mark.parametrize("value", [True, 16.0, "16", None, [16]])
def test_only_integers_count_as_integers(value: object) -> None:
    with pytest.raises(ConfigurationError):
        Widths.from_mapping({**dataclasses.asdict(Widths()), "gain": value})
    with pytest.raises(ConfigurationError):
        ModelShape.from_mapping({**SMALL, "dim": value})


@pytest.mark.parametrize("name", ["preactivation", "activation"])
def test_sigmoid_must_reach_one_within_a_pre_activation_and_a_state(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} = 18 is too narrow"):
        Widths(**{"sigmoid_argument": 20, "sigmoid_argument_fraction": 13, name: 18})


def test_argument_shifts_never_extend_a_state_and_never_clamp_a_rising_sigmoid() -> None:
    for widths in (Widths(), Widths(preactivation=18), Widths(activation=18)):
        least, largest = widths.argument_shifts
        assert least - widths.narrowing >= 0 and least <= largest
        shift = widths.forget_shifts[1]
        limit = ((1 << widths.preactivation - 1) - 1) >> shift
        assert limit >= 16 << widths.sigmoid_argument_fraction - 1


def test_default_widths_hold_every_released_row_exactly() -> None:
    longest = max(max(shape.dim, shape.glu_width) for shape in RELEASED_SHAPES.values())
    assert longest * 127 < 1 << (Widths().accumulator - 1)
    assert Widths().largest_exact_inputs() == GLU_RANGE[1]


@pytest.mark.parametrize("name", SHAPE_RANGES)
@pytest.mark.parametrize("side", [0, 1])
def test_shape_range(name: str, side: int) -> None:
    allowed = SHAPE_RANGES[name]
    ModelShape(**{**SMALL, name: allowed[side]})
    value = allowed[side] + (1 if side else -1)
    with pytest.raises(ConfigurationError, match=f"{name} = {value} is out of range"):
        ModelShape(**{**SMALL, name: value})


@pytest.mark.parametrize(
    "values",
    [{}, {**SMALL, "heads": 1}, {key: SMALL[key] for key in ("dim", "layers", "glu_width")}],
)
def test_shape_mapping_needs_exactly_its_keys(values: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match=r"missing .* unknown"):
        ModelShape.from_mapping(values)


def test_mappings_come_back() -> None:
    widths, shape = Widths(residual=30, logit_fraction=9), ModelShape(**SMALL)
    assert Widths.from_mapping(dataclasses.asdict(widths)) == widths
    assert ModelShape.from_mapping(dataclasses.asdict(shape)) == shape


@pytest.mark.parametrize("name", RELEASED_SHAPES)
def test_default_glu_width_is_the_released_one(name: str) -> None:
    shape = RELEASED_SHAPES[name]
    assert default_glu_width(shape.dim) == shape.glu_width


@pytest.mark.parametrize(
    ("name", "parameters"), [("370m", 0.37e9), ("1.3b", 1.3e9), ("2.7b", 2.7e9)]
)
def test_released_shapes_have_the_size_in_their_name(name: str, parameters: float) -> None:
    shape = RELEASED_SHAPES[name]
    total = shape.ternary_weights + shape.vocabulary * shape.dim
    assert total == pytest.approx(parameters, rel=0.08)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ports": 3}, "ports = 3 is not available: choose one of 1, 2, 4"),
        ({"ports": True}, "ports = True is not available: choose one of 1, 2, 4"),
        ({"lanes": 16}, "lanes = 16 is not available: choose one of 1, 2, 4, 8"),
        ({"lanes": "four"}, "lanes = 'four' is not available: choose one of 1, 2, 4, 8"),
        ({"lanes": 4, "states": 2}, r"states = 2 is not available: give 1 .* or 4 \(one state per"),
        ({"lanes": 4, "states": True}, "states = True is not available: give 1"),
        ({"dim": "wide"}, "dim must be an integer from 16 to 8192, not 'wide'"),
        ({"sigmoid": "exact"}, "sigmoid = 'exact' is unknown: choose one of table, piecewise-lin"),
        ({"board": "zcu104"}, "board 'zcu104' is unknown: choose one of kv260, pynq-z1, pynq-z2"),
        ({"dim": 8192}, "implies a GLU width"),
        ({"widths": Widths(gate_operand=21, preactivation=20)}, "gate_operand = 21 is above"),
        ({"widths": Widths(accumulator=16)}, "overflow the 16-bit accumulator"),
        ({"layers": 0}, "layers = 0 is out of range"),
        ({"vocabulary": 1}, "vocabulary = 1 is out of range"),
    ],
)
def test_accelerator_errors_name_value_and_choices(change: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        accelerator(**{"dim": 1024, **change})


def test_accelerator_derives_glu_width_and_beat() -> None:
    config = accelerator(dim=2048, ports=4)
    assert config.shape == RELEASED_SHAPES["1.3b"]
    assert config.rows_per_beat == 32


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
def test_states_are_as_many_as_lanes_or_one(lanes: int) -> None:
    assert accelerator(64, lanes=lanes).states == lanes
    assert accelerator(64, lanes=lanes, states=1).states == 1


@pytest.mark.parametrize("kind", SigmoidKind)
def test_a_sigmoid_is_chosen_by_kind_or_by_name(kind: SigmoidKind) -> None:
    assert accelerator(64, sigmoid=kind.value).sigmoid is kind
    assert accelerator(64, sigmoid=kind) == accelerator(64, sigmoid=kind.value)


def test_numpy_numbers_become_plain() -> None:
    given = {"dim": 1024, "ports": 4, "lanes": 2, "states": 1, "layers": 3, "glu_width": 512}
    config = accelerator(**{name: np.int64(value) for name, value in given.items()})
    assert config.fingerprint() == accelerator(**given).fingerprint()


def test_a_configuration_holds_numbers_only_and_says_the_same_of_itself() -> None:
    values = accelerator(64, lanes=2).to_mapping()
    assert json.loads(json.dumps(values)) == values
    numbers = ("dim", "layers", "glu_width", "vocabulary", "ports", "lanes", "states")
    assert all(type(values[name]) is int for name in numbers)
    for name in ("glu_width", "states"):
        with pytest.raises(TypeError, match=name):
            AcceleratorConfig(**{key: value for key, value in values.items() if key != name})


def test_a_configuration_is_checked_however_it_is_made() -> None:
    config = accelerator(64, lanes=4)
    for change in (
        {"glu_width": None},
        {"glu_width": 8},
        {"states": None},
        {"states": 3},
        {"lanes": 2},
        {"sigmoid": "table"},
        {"ports": 3},
        {"board": "none"},
    ):
        with pytest.raises(ConfigurationError):
            dataclasses.replace(config, **change)


def test_fingerprint_depends_on_every_parameter_and_nothing_else() -> None:
    config = accelerator(dim=1024)
    assert config.fingerprint() == accelerator(dim=1024, glu_width=2816).fingerprint()
    changes = [
        {"dim": 512},
        {"layers": 3},
        {"glu_width": 512},
        {"vocabulary": 999},
        {"ports": 1},
        {"lanes": 2},
        {"board": "pynq-z1"},
        {"widths": Widths(gain=15)},
    ]
    prints = {accelerator(**{"dim": 1024, **change}).fingerprint() for change in changes}
    assert len(prints | {config.fingerprint()}) == len(changes) + 1


def test_a_configuration_comes_back_from_its_mapping() -> None:
    config = accelerator(384, lanes=4, states=1, board="pynq-z1", widths=Widths(gain=15))
    assert AcceleratorConfig.from_mapping(config.to_mapping()) == config


@pytest.mark.parametrize(
    "change",
    [{"more": 1}, {"widths": 3}, {"board": 1}, {"sigmoid": "tanh"}, {"dim": "64"}, {"ports": 3}],
)
def test_a_strange_mapping_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(change))):
        AcceleratorConfig.from_mapping({**accelerator(64).to_mapping(), **change})
