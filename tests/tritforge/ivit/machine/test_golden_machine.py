# SPDX-License-Identifier: Apache-2.0
"""The packets of an image hold everything: a machine that reads them gives the model's logits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from testing.repository import ROOT
from tritforge.errors import ConfigurationError, ImageError
from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden import IvitGoldenModel, input_quantiser
from tritforge.ivit.image import open_vision_image
from tritforge.ivit.machine.config import MachineConfig, machine_for
from tritforge.ivit.machine.golden_machine import IvitGoldenMachine
from tritforge.ivit.machine.packets import ImagePackets, PacketMaker
from tritforge.ivit.machine.weight_stream import weight_packet
from tritforge.ivit.shape import VisionWidths, preset

MODEL = RandomModel(SMALL_SHAPE, seed=3)
#: Lanes that divide nothing, one lane, more lanes than there is.
LANES = [(4, 6, 2), (1, 1, 1), (12, 36, 4), (6, 10, 1)]


def packets_of(model: RandomModel, lanes: tuple[int, int, int], image: Int64Array) -> ImagePackets:
    return PacketMaker(model.parameters, config_of(model, lanes)).image(image)


def config_of(model: RandomModel, lanes: tuple[int, int, int]) -> MachineConfig:
    names = ("token_lanes", "feature_lanes", "result_lanes")
    numbers = dict(zip(names, lanes))
    both = 1 if lanes[1] % 2 else 2
    return machine_for(
        model.shape, products_per_multiplier=both, elements=both, widths=model.widths, **numbers
    )


def image_of(model: RandomModel, seed: int) -> tuple[Int64Array, Int64Array]:
    """First activations of an image, and the golden model's logits."""
    pixels = model.images(1, seed)
    activations = input_quantiser(pixels, model.parameters.input_table)
    return activations[0], IvitGoldenModel(model.parameters).logits(pixels)[0]


@pytest.mark.parametrize("lanes", LANES)
def test_logits_are_those_of_the_model(lanes: tuple[int, int, int]) -> None:
    machine = IvitGoldenMachine(config_of(MODEL, lanes), MODEL.parameters.units)
    for seed in (1, 2):
        image, expected = image_of(MODEL, seed)
        assert np.array_equal(machine.run(packets_of(MODEL, lanes, image)), expected)


def test_other_widths() -> None:
    model = RandomModel(
        SMALL_SHAPE, seed=4, widths=VisionWidths(activation=6, residual=12, probability=10)
    )
    image, expected = image_of(model, 5)
    machine = IvitGoldenMachine(config_of(model, LANES[0]), model.parameters.units)
    assert np.array_equal(machine.run(packets_of(model, LANES[0], image)), expected)


def test_factors_that_a_narrow_multiplier_cannot_hold_are_refused() -> None:
    """Logits may be scaled up, which mantissas of 8 bits and a shift to the right cannot."""
    model = RandomModel(SMALL_SHAPE, seed=4, widths=VisionWidths(multiplier=8))
    with pytest.raises(ConfigurationError, match="too large for a multiplier of 8 bits"):
        weight_packet(model.parameters, config_of(model, LANES[0]))


@pytest.mark.parametrize("name", [item.name for item in dataclasses.fields(ImagePackets)])
def test_a_packet_of_another_length_is_noticed(name: str) -> None:
    image, _ = image_of(MODEL, 1)
    packets = packets_of(MODEL, LANES[0], image)
    machine = IvitGoldenMachine(config_of(MODEL, LANES[0]), MODEL.parameters.units)
    words = getattr(packets, name)
    with pytest.raises(ImageError, match=f"packet {name} has {len(words) - 1} words, at least"):
        machine.run(dataclasses.replace(packets, **{name: words[:-1]}))
    if name != "program":
        longer = np.append(words, np.uint64(0))
        with pytest.raises(ImageError, match=f"packet {name} has {len(longer)} words, only"):
            machine.run(dataclasses.replace(packets, **{name: longer}))


def test_a_word_that_begins_no_record_is_refused() -> None:
    image, _ = image_of(MODEL, 1)
    packets = packets_of(MODEL, LANES[0], image)
    machine = IvitGoldenMachine(config_of(MODEL, LANES[0]), MODEL.parameters.units)
    for wrong in (0, 0x5649, 0x5649 | 12 << 16):
        program = packets.program.copy()
        program[0] = wrong
        with pytest.raises(ImageError, match="begins no record of an I-ViT program"):
            machine.run(dataclasses.replace(packets, program=program))


def test_the_embedded_model_on_the_usual_machine() -> None:
    image = open_vision_image(ROOT / "pynq_driver/models/fashion-mnist.tritforge")
    parameters, shape = image.parameters, image.header.shape
    random = np.random.default_rng(6)
    size = (1, shape.image_size, shape.image_size, shape.channels)
    pixels = random.integers(0, 256, size).astype(np.uint8)
    activations = input_quantiser(pixels, parameters.input_table)[0]
    # A machine of DeiT-tiny runs it as well.
    for config in (machine_for(shape), machine_for(preset("deit-tiny"))):
        packets = PacketMaker(parameters, config).image(activations)
        logits = IvitGoldenMachine(config, parameters.units).run(packets)
        assert np.array_equal(logits, IvitGoldenModel(parameters).logits(pixels)[0])
