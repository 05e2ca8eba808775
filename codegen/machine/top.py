# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog around a core: AXI4-Stream edges, AXI4-Lite registers, command and result.

The top module is the same for the core of the open flow and for the core that holds the IP of
Vitis HLS, so both have one register map and one driver.
"""

from __future__ import annotations

from codegen.machine.network import EdgeKind, Network
from codegen.openhls.errors import InterfaceError
from codegen.openhls.xls.wrapper import library_module
from codegen.register_file import axi_ports, field_texts, render_register_file
from codegen.rendering import render
from tritforge.machine_interface import ERROR_CODE_BITS, Activity, MachineInterface

AXI_LITE_MODULE = "tritforge_axi_lite_registers"
#: The monitor of all FIFOs is read as one machine word.
MAXIMUM_FIFOS = 64
#: Outputs of the top whose names begin with this may stay open.
MONITOR_PREFIX = "fifo_"
_RESET_BITS = 4


def render_top(network: Network, interface: MachineInterface) -> dict[str, str]:
    """File name -> text of the module `<network>` and of what it needs, but for the core.

    Raises:
        InterfaceError: network and interface do not fit.
    """
    registers = f"{interface.registers.name}.sv"
    return {
        f"{AXI_LITE_MODULE}.sv": library_module(AXI_LITE_MODULE),
        registers: render_register_file(interface.registers)[registers],
        f"{network.name}.sv": _top(network, interface),
    }


def render_vitis_core(network: Network, interface: MachineInterface) -> str:
    """The module `<network>_core` around the IP that Vitis HLS makes of `<network>_tasks`.

    Its ports are those of a top function with `ap_ctrl_none` and `axis` interfaces (UG1399): TDATA
    of commands and results is filled up to whole bytes. Its FIFOs cannot be seen from outside, so
    `monitored` is 0.

    Raises:
        InterfaceError: network and interface do not fit.
    """
    network.check_interface(interface)
    commands, results = network.edge(EdgeKind.COMMANDS), network.edge(EdgeKind.RESULTS)
    values = {
        "network": network,
        "fifo_bits": _fifo_bits(network),
        "commands": commands.name,
        "command_bits": interface.command_bits,
        "command_padding": -interface.command_bits % 8,
        "results": results.name,
        "result_bits": interface.result_bits,
        "result_padding": -interface.result_bits % 8,
    }
    return render("machine/vitis_core.sv.j2", values)


def _top(network: Network, interface: MachineInterface) -> str:
    network.check_interface(interface)
    registers = interface.registers
    flags = [f"{group.name}_{flag.name}_set" for group in interface.flags for flag in group.flags]
    values = {
        "network": network,
        "registers": registers,
        "fields": field_texts(registers),
        "axi_ports": axi_ports(),
        "commands": network.edge(EdgeKind.COMMANDS).name,
        "results": network.edge(EdgeKind.RESULTS).name,
        "fifo_bits": _fifo_bits(network),
        "command_bits": interface.command_bits,
        "command_fields": [f"command_{field.name}" for field in interface.command],
        "result_bits": interface.result_bits,
        "error_bits": ERROR_CODE_BITS,
        "flags": flags,
        "activities": [_activity(network, item) for item in interface.activities],
        "reset_bits": _RESET_BITS,
        "reset_cycles": 1 << _RESET_BITS,
    }
    return render("machine/machine_top.sv.j2", values)


def _fifo_bits(network: Network) -> int:
    count = len(network.fifos)
    if count > MAXIMUM_FIFOS:
        raise InterfaceError(f"{count} FIFOs: the monitor has room for {MAXIMUM_FIFOS}")
    return count


def _activity(network: Network, activity: Activity) -> dict[str, object]:
    """Wires and counter events of an activity; exactly one event is true in every cycle."""
    numbers = {end: number for number, end in enumerate(network.fifos)}
    there = [f"{activity.name}_has_{name}" for name in activity.inputs]
    beat, some = f"{activity.name}_takes", f"{activity.name}_has_some"
    missing = [
        (name, " && ".join([f"!{beat}", some, *there[:index], f"!{there[index]}"]))
        for index, name in enumerate(activity.inputs)
    ]
    fifos = [numbers[end] for end in network.monitors[activity.name]]
    return {
        "wires": list(zip(there, fifos)),
        "beat": beat,
        "some": some,
        "first": fifos[0],
        "events": [
            (f"{activity.name}_beats", beat),
            *(
                (f"{activity.name}_no_{name}", condition)
                for name, condition in missing
                if len(there) > 1
            ),
            (f"{activity.name}_blocked", " && ".join([f"!{beat}", *there])),
            (f"{activity.name}_idle", f"!{some}"),
        ],
    }
