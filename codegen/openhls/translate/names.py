# SPDX-License-Identifier: Apache-2.0
"""Names in C++ to names in hardware.

Names of ports stay what they are, or break a rule: others connect to them. Names of static
variables are changed where hardware cannot have them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator

from codegen.openhls import rules
from codegen.openhls.errors import StyleError
from codegen.openhls.step import Step
from codegen.openhls.translate.translation import Translation
from codegen.openhls.wires import (
    CLOCK,
    CORE_INSTANCE,
    FUNCTION_OUTPUT,
    RESET,
    output_wires,
    ram_wires,
    stream_wires,
)

#: Letters of a name: file systems, Verilator and others have limits of 127 or 255 with suffixes.
MAXIMUM_LENGTH = 100
_SHORTENED, _DIGEST = 60, 8
#: IEEE 1800-2017, table B.1.
_SYSTEM_VERILOG_WORDS = """
accept_on alias always always_comb always_ff always_latch and assert assign assume automatic
before begin bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle
checker class clocking cmos config const constraint context continue cover covergroup coverpoint
cross deassign default defparam design disable dist do edge else end endcase endchecker endclass
endclocking endconfig endfunction endgenerate endgroup endinterface endmodule endpackage
endprimitive endprogram endproperty endspecify endsequence endtable endtask enum event
eventually expect export extends extern final first_match for force foreach forever fork
forkjoin function generate genvar global highz0 highz1 if iff ifnone ignore_bins illegal_bins
implements implies import incdir include initial inout input inside instance int integer
interconnect interface intersect join join_any join_none large let liblist library local
localparam logic longint macromodule matches medium modport module nand negedge nettype new
nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed parameter pmos
posedge primitive priority program property protected pull0 pull1 pulldown pullup
pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime
ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 s_always
s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
signed small soft solve specify specparam static string strong strong0 strong1 struct super
supply0 supply1 sync_accept_on sync_reject_on table tagged task this throughout time
timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef union
unique unique0 unsigned until until_with untyped use uwire var vectored virtual void wait
wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""
SYSTEM_VERILOG_KEYWORDS = frozenset(_SYSTEM_VERILOG_WORDS.split())
#: Words that the parser of XLS IR takes for its own; a test asks it.
_XLS_WORDS = """
active_inputs_valid bits block chan chan_interface clock controlled_stage false file_number fn
instantiation next package proc proc_instantiation reg ret scheduled_block scheduled_fn
scheduled_proc source stage token top true
"""
XLS_KEYWORDS = frozenset(_XLS_WORDS.split())


def state_name(source_name: str, taken: Collection[str]) -> str:
    """A name for a register or RAM: like the variable's, but ASCII, short and not taken yet."""
    ascii_name = source_name.encode("ascii", "backslashreplace").decode()
    name = re.sub(r"\W", "_", ascii_name)
    if len(name) > MAXIMUM_LENGTH:
        digest = hashlib.sha256(source_name.encode()).hexdigest()[:_DIGEST]
        name = f"{name[:_SHORTENED]}_{digest}"
    candidates = (name if number == 1 else f"{name}_{number}" for number in range(1, 1 << 30))
    return next(item for item in candidates if item not in taken)


def check_port_names(translation: Translation, step: Step) -> None:
    """Check that the names of the function and its ports can be names in SystemVerilog.

    Raises:
        StyleError: the first that cannot.
    """

    def error(detail: str) -> StyleError:
        return translation.error(rules.PORT_NAME, detail)

    plain = [*(item.name for item in step.inputs), *(item.name for item in step.outputs)]
    for what, name in [("function", step.name), *(("parameter", item) for item in step.parameters)]:
        if not name or name.isdigit():
            raise error("a parameter has no name")
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise error(f"{what} {name} has letters that are not ASCII")
        if len(name) > MAXIMUM_LENGTH:
            raise error(f"{what} {name} has {len(name)} letters, at most {MAXIMUM_LENGTH} can be")
        if what == "function" or name in plain:
            if name in SYSTEM_VERILOG_KEYWORDS:
                raise error(f"{what} {name} is a keyword of SystemVerilog")
            if what == "parameter" and name in XLS_KEYWORDS:
                raise error(f"{what} {name} is a keyword of XLS IR")
    owners: dict[str, str] = {}
    for owner, wire in _wires(step):
        if wire in owners and not owners[wire]:
            raise error(f"parameter {owner} has the name of a wire that is always there, {wire}")
        if wire in owners:
            raise error(f"parameters {owners[wire]} and {owner} both make a wire {wire}")
        owners[wire] = owner


def _wires(step: Step) -> Iterator[tuple[str, str]]:
    """Owner and name of every wire and instance of the module; those without an owner first."""
    own = [CLOCK, RESET]
    if step.is_function:
        own.append(FUNCTION_OUTPUT)
    elif step.outputs or step.rams:
        own.append(CORE_INSTANCE)
    yield from (("", name) for name in own)
    for item in step.inputs:
        yield item.name, item.name
    for stream in [*(item.name for item in step.reads), *(item.name for item in step.writes)]:
        yield from ((stream, wire) for wire in stream_wires(stream))
    if not step.is_function:
        for output in step.outputs:
            yield from ((output.name, wire) for wire in output_wires(output.name))
    for ram in step.rams:
        yield from ((ram.name, wire) for wire in ram_wires(ram.name))
