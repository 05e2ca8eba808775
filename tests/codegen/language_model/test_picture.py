# SPDX-License-Identifier: Apache-2.0
"""docs/data-path.svg is what the network table says, and nothing is left out of it."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path

import pytest

from codegen.language_model import picture
from codegen.language_model.network import machine_network
from codegen.openhls.connection import Connection
from codegen.openhls.errors import InterfaceError
from testing.repository import ROOT
from tritforge.language_model.config import accelerator

COMMITTED = ROOT / "docs" / "data-path.svg"
#: Arrows that explain the colours.
LEGEND = 3


@pytest.fixture(scope="module")
def widths() -> Mapping[str, int]:
    return picture.stream_widths(picture.PICTURED)


def test_committed_picture_is_what_the_command_writes(tmp_path: Path) -> None:
    assert picture.main(["--out", str(tmp_path / "data-path.svg")]) == 0
    written = (tmp_path / "data-path.svg").read_text(encoding="utf-8")
    assert COMMITTED.read_text(encoding="utf-8") == written, (
        "run: python -m codegen.language_model.picture --out docs/data-path.svg"
    )


def test_picture_has_every_process_fifo_and_edge() -> None:
    network = machine_network(picture.PICTURED)
    root = ElementTree.fromstring(COMMITTED.read_text(encoding="utf-8"))
    space = "{http://www.w3.org/2000/svg}"
    boxes = [item.text for item in root.iter(f"{space}text") if item.get("class") == "name"]
    assert sorted(map(str, boxes)) == sorted(network.processes)
    arrows = [item for item in root.iter(f"{space}path") if item.get("marker-end")]
    assert len(arrows) == len(network.connections) + len(network.edges) + LEGEND
    texts = {item.text for item in root.iter(f"{space}text")}
    assert {edge.name for edge in network.edges} <= texts


@pytest.mark.parametrize("ports", [1, 4])
def test_other_numbers_of_ports_are_drawn_too(ports: int, widths: Mapping[str, int]) -> None:
    config = accelerator(dim=1024, ports=ports)
    network = machine_network(config)
    # Any widths will do: this is about places.
    known = {**dict.fromkeys(map(str, network.ends()), 1), **widths}
    ElementTree.fromstring(picture.draw(config, network, known))


def test_a_fifo_or_process_without_a_place_is_an_error(widths: Mapping[str, int]) -> None:
    network = machine_network(picture.PICTURED)
    extra = Connection("head", "tokens", "vector_unit", "tokens", 4)
    longer = dataclasses.replace(network, connections=(*network.connections, extra))
    with pytest.raises(InterfaceError, match=r"vector_unit\.tokens has no way"):
        picture.draw(picture.PICTURED, longer, widths)
    larger = dataclasses.replace(network, processes=(*network.processes, "sampler"))
    with pytest.raises(InterfaceError, match="sampler has no place"):
        picture.draw(picture.PICTURED, larger, widths)
