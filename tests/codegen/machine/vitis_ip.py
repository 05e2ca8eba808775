# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the IP that Vitis HLS makes of a machine: its ports, with our own core inside.

Port names, directions and widths are those that UG1399 documents for a top function with
`ap_ctrl_none` and `axis` interfaces. They are written here by hand, apart from the generator, so
that the wrapper around the IP is checked against something else than itself.
"""

from __future__ import annotations

from codegen.machine.network import Network
from tritforge.machine_interface import MachineInterface


def vitis_ip_ports(network: Network, interface: MachineInterface) -> str:
    """Head of the module, up to its ports."""
    ports = ["input ap_clk", "input ap_rst_n"]
    for name, given, bits in (
        ("commands", "input", interface.command_bits),
        ("results", "output", interface.result_bits),
    ):
        taken = "output" if given == "input" else "input"
        top = 8 * -(-bits // 8) - 1
        ports += [f"{given} [{top}:0] {name}_TDATA", f"{given} {name}_TVALID"]
        ports.append(f"{taken} {name}_TREADY")
    for edges, given in ((network.packets_in, "input"), (network.packets_out, "output")):
        taken = "output" if given == "input" else "input"
        for edge in edges:
            ports += [
                f"{given} [63:0] {edge.name}_TDATA",
                f"{given} [7:0] {edge.name}_TKEEP",
                f"{given} [7:0] {edge.name}_TSTRB",
                f"{given} [0:0] {edge.name}_TLAST",
                f"{given} {edge.name}_TVALID",
                f"{taken} {edge.name}_TREADY",
            ]
    return f"module {network.tasks_name} (\n    " + ",\n    ".join(ports) + "\n);\n"


def vitis_ip(network: Network, interface: MachineInterface, core: str) -> str:
    """The stand-in; `core` is the module of the open flow that does its work."""
    fifos = len(network.connections) + len(network.edges)
    pins = [".clk(ap_clk)", ".rst(!ap_rst_n)"]
    for edge in network.packets_in:
        pins.append(f".{edge.name}_tdata({{{edge.name}_TLAST, {edge.name}_TDATA}})")
    for edge in network.packets_out:
        pins.append(f".{edge.name}_tdata({{{edge.name}_TLAST, {edge.name}_TDATA}})")
    pins.append(f".commands_tdata(commands_TDATA[{interface.command_bits - 1}:0])")
    pins.append(f".results_tdata(results_TDATA[{interface.result_bits - 1}:0])")
    for name in ("commands", "results", *(edge.name for edge in network.edges[1:-1])):
        pins += [f".{name}_tvalid({name}_TVALID)", f".{name}_tready({name}_TREADY)"]
    lines = [
        f"  wire [{fifos - 1}:0] fifo_in_valid, fifo_in_ready, fifo_out_valid, fifo_out_ready;"
    ]
    for edge in network.packets_out:
        lines += [f"  assign {edge.name}_TKEEP = '1;", f"  assign {edge.name}_TSTRB = '1;"]
    top = 8 * -(-interface.result_bits // 8) - 1
    if top >= interface.result_bits:
        lines.append(f"  assign results_TDATA[{top}:{interface.result_bits}] = '0;")
    lines.append(f"  {core} core (.monitored(), " + ", ".join(pins) + ");")
    return vitis_ip_ports(network, interface) + "\n".join(lines) + "\nendmodule\n"
