# SPDX-License-Identifier: Apache-2.0
"""The generated top, core and registers pass Verilator's lint with all warnings on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from codegen.language_model.network import machine_network
from codegen.machine.core import render_core
from codegen.machine.network import Network
from codegen.machine.top import render_top, render_vitis_core
from codegen.openhls.manifest import Manifest, Stream
from codegen.openhls.xls.wrapper import black_box
from codegen.overlay import WRAPPER, overlay_sources
from testing.rtl_modules import RTL_FOLDER
from testing.tools import verilator_root
from tests.codegen.machine.test_network import MANIFESTS
from tests.codegen.machine.toy_machine import INTERFACE, NETWORK
from tests.codegen.machine.vitis_ip import vitis_ip_ports
from tritforge.boards import load_board
from tritforge.boards.block_design import block_design
from tritforge.language_model.config import accelerator
from tritforge.language_model.interface import machine_interface
from tritforge.machine_interface import MachineInterface

pytestmark = pytest.mark.cosim


def stub(manifest: Manifest) -> str:
    """A process without a body: what XLS makes is not linted."""
    off = "".join(f"// verilator lint_off {what}\n" for what in ("UNUSED", "UNDRIVEN"))
    return off + black_box(manifest)


def lint(
    folder: Path, network: Network, manifests: Mapping[str, Manifest], interface: MachineInterface
) -> str:
    files = {f"{item.top}.sv": stub(item) for item in manifests.values()}
    files[f"{network.core_name}.sv"] = render_core(network, manifests)
    return lint_files(folder, network.name, {**files, **render_top(network, interface)})


def lint_files(folder: Path, top: str, files: Mapping[str, str]) -> str:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    root = verilator_root()
    result = subprocess.run(
        [
            str(root / "bin" / "verilator_bin"),
            *("--lint-only", "-Wall", "-y", str(folder), "-y", str(RTL_FOLDER)),
            *("--top-module", top, str(folder / f"{top}.sv")),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "VERILATOR_ROOT": str(root)},
        timeout=120,
        check=False,
    )
    assert (result.returncode == 0) == (result.stderr == ""), result.stderr
    return result.stderr


def toy_manifests() -> dict[str, Manifest]:
    return {
        name: Manifest(name, streams=tuple(Stream(item, *shape) for item, shape in found.items()))
        for name, found in MANIFESTS.items()
    }


def language_model(ports: int, lanes: int) -> tuple[Network, MachineInterface, dict[str, Manifest]]:
    """Streams as the network says, widths as the edges need them, 7 bits elsewhere."""
    config = accelerator(dim=64, ports=ports, lanes=lanes)
    network, interface = machine_network(config), machine_interface(config)
    widths = {"commands": interface.command_bits, "results": interface.result_bits}
    edges = {edge.end: 65 if edge.kind.is_packets else widths[edge.name] for edge in network.edges}
    streams: dict[str, list[Stream]] = {name: [] for name in network.processes}
    for end in network.ends():
        stream = Stream(end.stream, edges.get(str(end), 7), end.direction)
        streams[end.process].append(stream)
    manifests = {name: Manifest(name, streams=tuple(items)) for name, items in streams.items()}
    return network, interface, manifests


def test_toy(tmp_path: Path) -> None:
    assert lint(tmp_path, NETWORK, toy_manifests(), INTERFACE) == ""


SIZES = [(1, 1), (2, 1), (2, 4), (4, 8)]


@pytest.mark.parametrize(("ports", "lanes"), SIZES)
def test_language_model(tmp_path: Path, ports: int, lanes: int) -> None:
    network, interface, manifests = language_model(ports, lanes)
    assert lint(tmp_path, network, manifests, interface) == ""


@pytest.mark.parametrize(("ports", "lanes"), SIZES)
def test_what_is_around_the_ip_of_vitis(tmp_path: Path, ports: int, lanes: int) -> None:
    network, interface, _ = language_model(ports, lanes)
    files = {
        f"{network.core_name}.sv": render_vitis_core(network, interface),
        f"{network.tasks_name}.sv": vitis_ip_ports(network, interface) + "endmodule\n",
    }
    files |= render_top(network, interface)
    off = ("UNUSEDSIGNAL", "UNDRIVEN")
    stub = "".join(f"// verilator lint_off {what}\n" for what in off)
    files[f"{network.tasks_name}.sv"] = stub + files[f"{network.tasks_name}.sv"]
    assert lint_files(tmp_path, network.name, files) == ""


def test_lint_notices_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = toy_manifests()
    honest = render_core(NETWORK, manifests)
    wrong = honest.replace("wire [63:0] adder_sums_tdata;", "wire [62:0] adder_sums_tdata;")
    assert wrong != honest
    monkeypatch.setattr("tests.codegen.machine.test_top_lint.render_core", lambda *_: wrong)
    assert "WIDTH" in lint(tmp_path, NETWORK, manifests, INTERFACE)


def test_the_verilog_around_the_machine_for_vivado(tmp_path: Path) -> None:
    """The module that Vivado packages has exactly the ports that it connects."""
    network, interface, manifests = language_model(2, 1)
    design = block_design(interface, load_board("pynq-z2"))
    wrapper = overlay_sources(design, network.name)[WRAPPER]
    files = {f"{item.top}.sv": stub(item) for item in manifests.values()}
    files[f"{network.core_name}.sv"] = render_core(network, manifests)
    files |= render_top(network, interface)
    top = WRAPPER.removesuffix(".v")
    # Verilator's warning of pins that are left open on purpose.
    files[f"{top}.sv"] = f"// verilator lint_off PINCONNECTEMPTY\n{wrapper}"
    assert lint_files(tmp_path, top, files) == ""
