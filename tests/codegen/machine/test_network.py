# SPDX-License-Identifier: Apache-2.0
"""A network that does not fit its processes is refused, and the message names the stream."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from codegen.language_model.network import machine_network
from codegen.machine.network import Edge, EdgeKind, Network
from codegen.openhls.connection import Connection
from codegen.openhls.errors import InterfaceError
from codegen.openhls.manifest import Direction, Manifest, Port, Stream
from tests.codegen.machine.toy_machine import INTERFACE, NETWORK
from tritforge import machine_interface
from tritforge.language_model.config import accelerator
from tritforge.machine_interface import PacketStream

IN, OUT = Direction.INPUT, Direction.OUTPUT
MORE = PacketStream("more", machine_interface.Direction.OUTPUT)
#: What the open flow says about the toy.
MANIFESTS = {
    "control": {
        "commands": (4, IN),
        "setup": (65, IN),
        "adder_status": (4, IN),
        "emitter_status": (2, IN),
        "adder_headers": (16, OUT),
        "emitter_headers": (16, OUT),
        "results": (31, OUT),
    },
    "adder": {
        "headers": (16, IN),
        "left": (65, IN),
        "right": (65, IN),
        "sums": (64, OUT),
        "status": (4, OUT),
    },
    "emitter": {
        "headers": (16, IN),
        "sums": (64, IN),
        "offsets": (65, IN),
        "output": (65, OUT),
        "status": (2, OUT),
    },
}


def manifests(**changes: tuple[int, Direction] | None) -> dict[str, Manifest]:
    """The toy's, with `process__stream` changed or taken away."""
    result = {}
    for process, streams in MANIFESTS.items():
        found = {**streams}
        for name, value in changes.items():
            owner, stream = name.split("__")
            if owner == process:
                found.pop(stream, None)
                if value is not None:
                    found[stream] = value
        items = tuple(Stream(name, *shape) for name, shape in found.items())
        result[process] = Manifest(process, streams=items)
    return result


def test_toy_fits() -> None:
    NETWORK.check_manifests(manifests())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"adder__sums": None}, "adder.sums is connected, but the C.* no such stream"),
        ({"adder__extra": (3, OUT)}, "adder.extra is not connected"),
        ({"adder__sums": (63, OUT)}, "adder.sums has 63 bits, emitter.sums 64"),
        ({"adder__sums": (64, IN)}, "adder.sums is an input stream, the network .* output"),
        ({"emitter__output": (64, OUT)}, "emitter.output has 64 bits, a packet word 65"),
        ({"control__results": (65, OUT)}, "control.results has 65 bits, .* at most 64"),
    ],
)
def test_manifests_that_do_not_fit(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InterfaceError, match=says):
        NETWORK.check_manifests(manifests(**changes))


def test_plain_ports_are_refused() -> None:
    found = manifests()
    port = (Port("flag", 1, OUT),)
    found["adder"] = dataclasses.replace(found["adder"], ports=port)
    with pytest.raises(InterfaceError, match="adder has the port flag"):
        NETWORK.check_manifests(found)


def _connect(**change: object) -> Network:
    connections = (
        *NETWORK.connections[:-1],
        dataclasses.replace(NETWORK.connections[-1], **change),
    )
    return dataclasses.replace(NETWORK, connections=connections)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: _connect(depth=0), "control.emitter_status has a FIFO of depth 0"),
        (lambda: _connect(source="adder"), "stream adder.status is there twice"),
        (lambda: _connect(source="absent"), "absent.status is connected, but absent is no process"),
        (
            lambda: dataclasses.replace(NETWORK, edges=NETWORK.edges[1:]),
            "one command register, not 0",
        ),
        (
            lambda: dataclasses.replace(
                NETWORK,
                edges=(*NETWORK.edges, Edge("left", EdgeKind.PACKETS_IN, "adder", "more", 1)),
            ),
            "edge left is there twice",
        ),
        (
            lambda: dataclasses.replace(NETWORK, monitors={"adder": ("adder.left", "adder.up")}),
            "adder is to count adder.up, which is not connected",
        ),
    ],
)
def test_impossible_networks(make: Callable[[], Network], says: str) -> None:
    with pytest.raises(InterfaceError, match=says):
        make()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"streams": INTERFACE.streams[1:]},
            r"takes packets on \['left', .*\], the interface says \['right', ",
        ),
        (
            {
                "streams": (
                    *INTERFACE.streams,
                    PacketStream("more", machine_interface.Direction.OUTPUT),
                )
            },
            r"sends packets on \['sums'\], the interface says \['sums', 'more'\]",
        ),
        ({"activities": ()}, r"monitors \{'adder': 2\} .*, the interface says \{\}"),
    ],
)
def test_an_interface_that_does_not_fit(change: dict[str, Any], says: str) -> None:
    NETWORK.check_interface(INTERFACE)
    with pytest.raises(InterfaceError, match=says):
        NETWORK.check_interface(dataclasses.replace(INTERFACE, **change))


def test_missing_process() -> None:
    with pytest.raises(InterfaceError, match="no process emitter"):
        NETWORK.check_streams({"control": (), "adder": ()})


@pytest.mark.parametrize(("ports", "lanes"), [(1, 1), (2, 4), (4, 8)])
def test_language_model(ports: int, lanes: int) -> None:
    network = machine_network(accelerator(dim=64, ports=ports, lanes=lanes))
    names = [edge.name for edge in network.edges if edge.kind.is_packets]
    assert names == [*(f"weights_{i}" for i in range(ports)), "parameters", "input", "output"]
    depths = {f"{item.target}.{item.target_stream}": item.depth for item in network.connections}
    assert depths["element_unit.lower_bounds"] >= 64
    assert depths["dequantiser.scales"] >= 3 * lanes
    assert Connection("quantiser", "groups", "code_buffer", "groups", 4) in network.connections
