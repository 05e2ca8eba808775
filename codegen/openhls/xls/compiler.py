# SPDX-License-Identifier: Apache-2.0
"""XLS: optimise IR, schedule it into a pipeline and print SystemVerilog.

Pipeline stages are always given: XLS's delay models describe no FPGA. They only say how to share
the work between the stages, of operations that `lowering.py` made small enough for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from codegen.openhls import rules
from codegen.openhls.errors import InterfaceError, StyleError, ToolError
from codegen.openhls.manifest import RAM_LATENCY, ram_latency
from codegen.openhls.step import RamPorts, Step
from codegen.openhls.tools import check_tools
from codegen.openhls.wires import (
    DATA_SUFFIX,
    READ_REQUEST,
    READ_RESPONSE,
    READY_SUFFIX,
    RESET,
    VALID_SUFFIX,
    WRITE_REQUEST,
)
from codegen.openhls.xls.process import CHANNEL_END, channel_name

#: A multiplication is slower than an addition, and that slower than a multiplexer, as on an FPGA.
_DELAY_MODEL = "sky130"
#: From the clock to the output of a block RAM without a register, as that model counts: two thirds
#: of a multiplication of 18 bits.
_RAM_PS = 1500
#: With a register: a multiplexer, and more wires than most have.
_RESPONSE_PS = 400


def optimise(ir: str, top: str) -> str:
    """IR after XLS's optimisation passes."""
    check_tools("xls-python")
    import xls

    try:
        return str(xls.optimize_ir(ir, top))
    except Exception as error:  # XLS raises plain exceptions
        message = str(error).split("\nStack Trace:")[0]
        raise ToolError(f"XLS rejects the translation of {top}: {message}") from error


def to_system_verilog(ir: str, step: Step, module: str, pipeline_stages: int) -> str:
    """Schedule optimised IR; text of a SystemVerilog module.

    Raises:
        StyleError: a step cannot start every cycle.
        ToolError: XLS failed otherwise.
    """
    check_tools("xls-python")
    import xls

    options: dict[str, object] = {
        "generator": "pipeline",
        "use_system_verilog": True,
        "module_name": module,
        "flop_inputs": False,
        "flop_outputs": True,
        "flop_outputs_kind": "flop",
        "scheduling_options_textproto": "\n".join(_scheduling(step, pipeline_stages)),
    }
    if not step.is_function:
        options.update(_PROCESS_OPTIONS)
    try:
        package = xls.Package.parse_ir(ir)
        result = package.schedule_and_codegen(with_delay_model=False, **options)
    except Exception as error:
        raise _scheduling_error(step, pipeline_stages, str(error)) from error
    return str(result.get_verilog_text())


_PROCESS_OPTIONS: dict[str, object] = {
    "reset": RESET,
    "reset_data_path": False,
    "flop_single_value_channels": True,
    "streaming_channel_data_suffix": DATA_SUFFIX.removeprefix(CHANNEL_END),
    "streaming_channel_valid_suffix": VALID_SUFFIX.removeprefix(CHANNEL_END),
    "streaming_channel_ready_suffix": READY_SUFFIX.removeprefix(CHANNEL_END),
}


def _scheduling(step: Step, pipeline_stages: int) -> Iterator[str]:
    """Lines of XLS's SchedulingOptionsFlagsProto; not all of its fields are arguments."""
    yield f'delay_model: "{_DELAY_MODEL}"'
    yield f"pipeline_stages: {pipeline_stages}"
    if step.is_function:
        return
    yield "worst_case_throughput: 1"
    for ram in step.rams:
        latency = ram_latency(ram.settle_steps, pipeline_stages)
        for constraint in _ram_constraints(ram, latency):
            yield f'io_constraints: "{constraint}"'
        response = channel_name(ram.name + READ_RESPONSE)
        delay = _RAM_PS if latency == RAM_LATENCY else _RESPONSE_PS
        yield f'additional_channel_delay_ps {{ key: "{response}" value: {delay} }}'


def _ram_constraints(ram: RamPorts, latency: int) -> tuple[str, str]:
    read, write = channel_name(ram.name + READ_REQUEST), channel_name(ram.name + WRITE_REQUEST)
    response = channel_name(ram.name + READ_RESPONSE)
    return (
        # Not later either: a RAM keeps no more responses than that, and would hold requests back.
        f"{read}:send:{response}:recv:{latency}:{latency}",
        # A stage holds one step at most, so the step that may read the word has not asked for it.
        f"{read}:send:{write}:send:none:{ram.settle_steps - 1}",
    )


def _scheduling_error(step: Step, stages: int, message: str) -> Exception:
    keyword = re.search(r"`(\w+)` is a keyword", message)
    if keyword:
        detail = f"{step.name}: {keyword[1]} is a keyword of SystemVerilog"
        return StyleError(rules.PORT_NAME, detail)
    longer = re.search(r"Try `--pipeline_stages=(\d+)`", message)
    if longer:
        return InterfaceError(
            f"{step.name} needs at least {longer[1]} pipeline stages, {stages} are asked for: "
            f"set pipeline_stages to {longer[1]} or more"
        )
    if step.rams and "cannot satisfy the given I/O constraints" in message:
        distances = ", ".join(f"{ram.name} {ram.settle_steps}" for ram in step.rams)
        latency = max(ram_latency(ram.settle_steps, stages) for ram in step.rams)
        return InterfaceError(
            f"{step.name} writes a word too long after it read one of the same RAM: the stages in "
            f"between must be fewer than kSettleSteps ({distances}), and the read takes "
            f"{latency}. Give tritforge::Ram a larger kSettleSteps and keep that distance"
        )
    if re.search(r"throughput|backedge|initiation|cannot achieve|infeasible", message, re.I):
        return StyleError(
            rules.INITIATION_INTERVAL,
            f"{step.name} cannot start a step every cycle in {stages} pipeline stages "
            f"(XLS: {message.splitlines()[0][:300]})",
        )
    return ToolError(f"XLS cannot schedule {step.name} into {stages} stages: {message[:1000]}")
