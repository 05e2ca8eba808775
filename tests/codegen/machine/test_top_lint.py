# SPDX-License-Identifier: Apache-2.0
"""The generated top, core and registers pass Verilator's lint with all warnings on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from codegen.language_model.network import machine_network
from codegen.machine.core import render_core, render_top
from codegen.machine.network import Network
from codegen.openhls.manifest import Manifest, Stream
from codegen.openhls.xls.wrapper import black_box
from codegen.register_file import render_register_file
from tests.codegen.machine.test_network import MANIFESTS
from tests.codegen.machine.toy_machine import CONFIG, NETWORK
from tests.proof.rtl.sources import RTL_FOLDER, verilator_root
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.control_registers import control_registers

pytestmark = pytest.mark.cosim


def stub(manifest: Manifest) -> str:
    """A process without a body: what XLS makes is not linted."""
    off = "".join(f"// verilator lint_off {what}\n" for what in ("UNUSED", "UNDRIVEN"))
    return off + black_box(manifest)


def lint(
    folder: Path, network: Network, manifests: Mapping[str, Manifest], config: AcceleratorConfig
) -> str:
    registers = control_registers(config)
    files = {f"{item.top}.sv": stub(item) for item in manifests.values()}
    files[f"{registers.name}.sv"] = render_register_file(registers)[f"{registers.name}.sv"]
    files[f"{network.name}_core.sv"] = render_core(network, manifests)
    files[f"{network.name}.sv"] = render_top(network, manifests, registers)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    root = verilator_root()
    result = subprocess.run(
        [
            str(root / "bin" / "verilator_bin"),
            *("--lint-only", "-Wall", "-y", str(folder), "-y", str(RTL_FOLDER)),
            *("--top-module", network.name, str(folder / f"{network.name}.sv")),
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


def language_model_manifests(config: AcceleratorConfig) -> tuple[Network, dict[str, Manifest]]:
    """Streams as the network says, widths as the edges need them, 7 bits elsewhere."""
    network = machine_network(config)
    registers = control_registers(config)
    flags = sum(len(registers.register(name).fields) for name in ("saturation", "stream_errors"))
    widths = {"commands": 2 + 2 * config.lanes, "results": 8 + flags}
    edges = {edge.end: 65 if edge.kind.is_packets else widths[edge.name] for edge in network.edges}
    streams: dict[str, list[Stream]] = {name: [] for name in network.processes}
    for end in network.ends():
        stream = Stream(end.stream, edges.get(str(end), 7), end.direction)
        streams[end.process].append(stream)
    return network, {name: Manifest(name, streams=tuple(items)) for name, items in streams.items()}


def test_toy(tmp_path: Path) -> None:
    assert lint(tmp_path, NETWORK, toy_manifests(), CONFIG) == ""


@pytest.mark.parametrize(("ports", "lanes"), [(1, 1), (2, 1), (2, 4), (4, 8)])
def test_language_model(tmp_path: Path, ports: int, lanes: int) -> None:
    config = AcceleratorConfig(dim=64, ports=ports, lanes=lanes)
    network, manifests = language_model_manifests(config)
    assert lint(tmp_path, network, manifests, config) == ""


def test_lint_notices_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = toy_manifests()
    honest = render_core(NETWORK, manifests)
    wrong = honest.replace("wire [63:0] adder_sums_tdata;", "wire [62:0] adder_sums_tdata;")
    assert wrong != honest
    monkeypatch.setattr("tests.codegen.machine.test_top_lint.render_core", lambda *_: wrong)
    assert "WIDTH" in lint(tmp_path, NETWORK, manifests, CONFIG)
