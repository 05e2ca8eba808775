# SPDX-License-Identifier: Apache-2.0
"""Three-way proof: C-simulation (g++) = translation (XLS) = RTL (Verilator), word for word.

Without stalls the cycle of every output word is checked too: it must be the step in which the
translation gives it, plus a latency that never varies. So one step starts every cycle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codegen.openhls.flow import Design, build_design, default_includes, translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.csim import build_c_simulation
from codegen.openhls.simulate.interpreter import Run, StepInterpreter
from codegen.openhls.simulate.rtl_simulation import RtlRun, RtlSimulation, build_rtl_simulation
from tritforge.errors import TritforgeError

#: Chance in percent that a stream is held back in a cycle, one run each.
DEFAULT_STALLS = (0, 25, 75)
_MAXIMUM_STEPS = 10_000_000
#: Steps without any traffic after which a process that never waits is considered at rest; longer
#: than any process works in silence.
IDLE_STEPS = 1000


class ProofError(TritforgeError):
    """Two executions of the same C++ differ."""


@dataclass(frozen=True)
class Evidence:
    """What was compared.

    Attributes:
        vectors: input words (process) or vectors (pure function).
        latency: output stream -> cycles from the start of a step to its word.
    """

    vectors: int
    steps: int
    output_words: int
    latency: dict[str, int] = field(default_factory=dict)


def prove(
    source: Path,
    manifest: Manifest,
    words: Mapping[str, Sequence[int]],
    include_folders: Sequence[Path] | None = None,
    stalls: Sequence[int] = DEFAULT_STALLS,
) -> Evidence:
    """Run the top function on the same words in all three executions.

    Args:
        manifest: top function and pipeline stages.
        words: input stream -> words; input of a pure function -> one word per vector; input of
            a process -> one word.
        stalls: percentages for the Verilated runs of a process; none: no RTL at all.

    Raises:
        ProofError: the first difference.
    """
    folders = default_includes() if include_folders is None else include_folders
    step = translate_file(source, manifest.top, folders)
    design = build_design(step, manifest)
    simulation = build_c_simulation(source, step, folders)
    if step.is_function:
        vectors = len(next(iter(words.values())))
        expected = simulation.run(words, vectors)
        _check_function(design, words, expected)
        if stalls:
            rtl = build_rtl_simulation(design.system_verilog, design.manifest)
            _equal("RTL", expected, rtl.run_function(words))
        return Evidence(vectors, vectors, vectors, {})
    inputs = {item.name: words[item.name][0] for item in step.inputs}
    streams = {item.name: words[item.name] for item in step.reads}
    run = StepInterpreter(step).run(streams, inputs, _MAXIMUM_STEPS, IDLE_STEPS)
    expected = simulation.run(words, run.steps)
    _check_run(design, run, expected)
    latency: dict[str, int] = {}
    if stalls:
        rtl = build_rtl_simulation(design.system_verilog, design.manifest)
        for percent in stalls:
            latency = check_rtl(rtl, words, run, expected, percent) or latency
    outputs = sum(map(len, run.outputs.values()))
    return Evidence(sum(map(len, streams.values())), run.steps, outputs, latency)


def _check_function(
    design: Design, words: Mapping[str, Sequence[int]], expected: Mapping[str, list[int]]
) -> None:
    interpreter = StepInterpreter(design.step)
    names = list(words)
    found: dict[str, list[int]] = {item.name: [] for item in design.step.outputs}
    for vector in zip(*(words[name] for name in names)):
        for name, value in interpreter.evaluate(dict(zip(names, vector))).items():
            found[name].append(value)
    _equal("XLS", expected, found)


def _check_run(design: Design, run: Run, expected: Mapping[str, list[int]]) -> None:
    _equal("XLS", expected, run.outputs)
    for name, left in run.left.items():
        if left != len(expected[name]):
            raise ProofError(f"XLS leaves {left} words in {name}, g++ {len(expected[name])}")
    if run.steps:
        _equal("XLS", expected, {name: [value] for name, value in run.ports.items()})


def _equal(
    who: str, expected: Mapping[str, Sequence[int]], found: Mapping[str, Sequence[int]]
) -> None:
    for name, words in found.items():
        wanted = expected[name]
        if len(words) != len(wanted):
            raise ProofError(f"{name}: {who} gives {len(words)} words, g++ {len(wanted)}")
        for index, (a, b) in enumerate(zip(wanted, words)):
            if a != b:
                raise ProofError(f"{name}[{index}]: {who} gives {b:#x}, g++ gives {a:#x}")


def check_rtl(
    rtl: RtlSimulation,
    words: Mapping[str, Sequence[int]],
    run: Run,
    expected: Mapping[str, list[int]],
    stall_percent: int,
) -> dict[str, int]:
    """Compare a run; the latency of every stream if nothing stalled."""
    who = f"RTL ({stall_percent} % stalls)"
    total = sum(map(len, run.outputs.values()))
    slow = 100 / (100 - stall_percent)
    cycles = int((run.steps + rtl.manifest.latency) * slow * 4) + 10_000
    result = rtl.run_process(
        words, total, cycles, seed=stall_percent + 1, stall_percent=stall_percent
    )
    streams = {name: result.outputs[name] for name in run.outputs}
    _equal(who, expected, streams)
    if run.steps and run.left:  # at rest: output ports hold what the last step gave
        _equal(who, expected, {name: result.outputs[name] for name in run.ports})
    for name, left in run.left.items():
        if left != len(result.left[name]):
            raise ProofError(f"{who} leaves {len(result.left[name])} words in {name}, g++ {left}")
    return {} if stall_percent else _latency(rtl, result, run)


def _latency(rtl: RtlSimulation, result: RtlRun, run: Run) -> dict[str, int]:
    latency = {}
    for name, steps in run.output_steps.items():
        delays = {cycle - step for cycle, step in zip(result.output_cycles[name], steps)}
        if len(delays) > 1:
            raise ProofError(
                f"{name}: words take {min(delays)} to {max(delays)} cycles after their step: "
                "not every cycle starts a step"
            )
        for delay in delays:
            latency[name] = delay
            if not 0 <= delay <= rtl.manifest.latency:
                raise ProofError(
                    f"{name}: latency {delay}, the manifest allows {rtl.manifest.latency}"
                )
    return latency
