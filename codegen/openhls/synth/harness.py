# SPDX-License-Identifier: Apache-2.0
"""A module between registers, so that place and route times all of its paths and needs two pins.

Inputs come from a chain of flip-flops that one pin feeds, outputs go to flip-flops that nobody
reads: a flip-flop per bit and no look-up table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from codegen.openhls.errors import InterfaceError
from codegen.openhls.wires import CLOCK

HARNESS = "tritforge_harness"
#: Instance of the module inside.
INSTANCE = "design"
_CLOCKS = (CLOCK, f"a{CLOCK}")


@dataclass(frozen=True)
class Harness:
    """SystemVerilog of the harness, without the module inside.

    Attributes:
        flip_flops: how many it adds.
    """

    text: str
    flip_flops: int


def harness(
    top: str, ports: Mapping[str, tuple[str, int]], left_open: tuple[str, ...] = ()
) -> Harness:
    """Put a module between registers.

    Args:
        ports: name -> ("input" or "output", bits).
        left_open: outputs whose names begin with one of these are connected to nothing.

    Raises:
        InterfaceError: the module has no clock.
    """
    clock = next((name for name in _CLOCKS if name in ports), None)
    if clock is None:
        raise InterfaceError(
            f"{top} has no port {' or '.join(_CLOCKS)}: only clocked modules are placed and routed"
        )
    connections = [f".{clock}(clk)"]
    used = {"input": 0, "output": 0}
    for name, (direction, bits) in ports.items():
        if name == clock:
            continue
        if direction == "output" and name.startswith(left_open):
            connections.append(f".{name}()")
            continue
        low = used[direction]
        used[direction] += bits
        side = "inputs" if direction == "input" else "outputs"
        connections.append(f".{name}({side}[{low + bits - 1}:{low}])")
    listed = ",\n      ".join(connections)
    text = f"""\
module {HARNESS} (
    input wire clk,
    input wire scan
);
  reg [{max(used["input"], 1) - 1}:0] inputs;
  always @(posedge clk) inputs <= {{inputs, scan}};
  wire [{max(used["output"], 1) - 1}:0] outputs;
  (* keep *) reg [{max(used["output"], 1) - 1}:0] captured;
  always @(posedge clk) captured <= outputs;
  {top} {INSTANCE} (
      {listed}
  );
endmodule
"""
    return Harness(text, used["input"] + used["output"])
