# SPDX-License-Identifier: Apache-2.0
"""The block design around a machine, for every board."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tritforge.boards import board_names, load_board
from tritforge.boards.block_design import block_design
from tritforge.boards.families import FAMILIES, family_of
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import accelerator
from tritforge.language_model.interface import machine_interface

INTERFACE = machine_interface(accelerator(64, ports=4))


@pytest.mark.parametrize("name", board_names())
def test_every_stream_has_an_engine_and_no_address_is_used_twice(name: str) -> None:
    design = block_design(INTERFACE, load_board(name))
    assert [item.stream for item in design.engines] == list(INTERFACE.streams)
    places = [design.machine_address, *(item.address for item in design.engines)]
    assert len(set(places)) == len(places)
    assert all(place % design.region_bytes == 0 for place in places)


@pytest.mark.parametrize("name", board_names())
def test_weights_have_ports_of_their_own(name: str) -> None:
    board = load_board(name)
    ports = [item.memory_port for item in block_design(INTERFACE, board).engines]
    assert len(set(ports)) == board.high_performance_ports
    assert len(set(ports[:4])) == 4


@pytest.mark.parametrize("name", board_names())
def test_divisors_make_the_clock_of_the_board(name: str) -> None:
    board = load_board(name)
    assert block_design(INTERFACE, board).clock_mhz == board.clock_mhz


def test_a_clock_that_no_divisor_makes() -> None:
    board = replace(load_board("pynq-z2"), clock_mhz=130)
    with pytest.raises(ConfigurationError, match="clock_mhz = 130 is no part of the 1000 MHz"):
        block_design(INTERFACE, board)


def test_an_unknown_family() -> None:
    board = replace(load_board("pynq-z2"), family="versal")
    with pytest.raises(ConfigurationError, match="'versal' is unknown: one of zynq7000"):
        family_of(board)
    assert all(name == family.name for name, family in FAMILIES.items())
