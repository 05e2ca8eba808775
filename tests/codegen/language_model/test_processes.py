# SPDX-License-Identifier: Apache-2.0
"""The table of processes against the headers of the units."""

from __future__ import annotations

import re

import pytest

from codegen.language_model.processes import DIRECTED, REPORTING, machine_processes
from testing.repository import ROOT


@pytest.mark.parametrize("ports", [1, 2, 4])
def test_streams_are_the_parameters_of_the_units_step(ports: int) -> None:
    for process in machine_processes(ports):
        path = ROOT / "hls" / "include" / "language_model" / f"{process.name}.hpp"
        text = path.read_text(encoding="utf-8")
        (parameters,) = re.findall(r"static void step\(([^)]*)\)", text)
        names = re.findall(r"&\s*(\w+)", parameters) + re.findall(r"(\w+)\[", parameters)
        listed = {item.name for item in (*process.streams, *process.memories)}
        missing = {name for name in names if name not in listed} - {"state", "ports"}
        assert not missing, f"{process.name}: {missing}"


def test_processes_are_named_once_and_the_sequencer_knows_them() -> None:
    processes = machine_processes(2)
    names = [item.name for item in processes]
    assert len(set(names)) == len(names)
    sequencer = processes[0]
    assert sequencer.name == "sequencer"
    streams = {item.name for item in sequencer.streams}
    for item in processes[1:]:
        own = {stream.name for stream in item.streams}
        assert ("status" in own) == (item.name in REPORTING)
        assert ("headers" in own) == (item.name in DIRECTED)
    assert {f"{name}_status" for name in REPORTING.values()} <= streams
    assert {f"{name}_headers" for name in DIRECTED.values()} <= streams


@pytest.mark.parametrize("ports", [1, 2, 4])
def test_weights_come_through_every_port(ports: int) -> None:
    (join,) = (item for item in machine_processes(ports) if item.name == "weight_join")
    found = [item.name for item in join.streams if item.name.startswith("port_")]
    assert found == [f"port_{port}" for port in range(ports)]


def test_memories_need_stages() -> None:
    for item in machine_processes(1):
        assert item.stages >= (3 if item.memories else 1)
