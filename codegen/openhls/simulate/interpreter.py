# SPDX-License-Identifier: Apache-2.0
"""Runs steps in XLS's just-in-time compiler, with queues for streams and lists for RAMs.

This executes the translation itself, before scheduling: it tells an error of the translation from
one of the pipeline, and it says in which step every word leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from codegen.openhls.errors import ToolError
from codegen.openhls.step import Step
from codegen.openhls.tools import check_tools
from codegen.openhls.xls.compiler import optimise
from codegen.openhls.xls.emit import ir_name, step_function_ir, step_parameters, step_results


@dataclass
class Run:
    """What a run of a process did.

    Attributes:
        steps: steps that ran; the one that waits for an input is not among them.
        outputs: stream -> words.
        output_steps: stream -> the step in which each word left, counted from 0.
        left: stream -> number of words nobody read.
        ports: output port -> value after the last step.
    """

    steps: int = 0
    outputs: dict[str, list[int]] = field(default_factory=dict)
    output_steps: dict[str, list[int]] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)


class StepInterpreter:
    """A step, ready to run."""

    def __init__(self, step: Step) -> None:
        check_tools("xls-python")
        import xls

        self._xls = xls
        self._step = step
        self._parameters = step_parameters(step)
        self._results = [(name, width) for name, width, _ in step_results(step)]
        self._values: dict[tuple[int, int], object] = {}
        optimised = optimise(step_function_ir(step), ir_name(step))
        self._package = xls.Package.parse_ir(optimised)
        self._jit = self._package.get_function(ir_name(step)).to_jit()

    def call(self, values: Mapping[str, int]) -> dict[str, int]:
        """One step: names as in `step_parameters` and `step_results`."""
        arguments = [self._value(width, values.get(name, 0)) for name, width, _ in self._parameters]
        result = self._jit.run(arguments)
        return {
            name: _integer(result.get_element(index).get_bits(), width)
            for index, (name, width) in enumerate(self._results)
        }

    def _value(self, width: int, number: int) -> object:
        if not 0 <= number < 1 << width:
            raise ToolError(f"{number} does not fit {width} bits")
        if width <= 64:
            return self._xls.Value.make_ubits(width, number)
        return self._xls.Value.parse(f"bits[{width}]:{number:#x}")

    def evaluate(self, inputs: Mapping[str, int]) -> dict[str, int]:
        """Outputs of a pure function."""
        result = self.call({f"in_{name}": value for name, value in inputs.items()})
        return {item.name: result[f"out_{item.name}"] for item in self._step.outputs}

    def run(
        self,
        streams: Mapping[str, Sequence[int]],
        inputs: Mapping[str, int],
        maximum_steps: int,
        idle_steps: int = 0,
    ) -> Run:
        """Run until a step waits for an empty stream.

        Args:
            idle_steps: stop as well after so many steps without any read or write, if not 0.
        """
        step, run = self._step, Run()
        state = {f"state_{item.name}": item.initial for item in step.state}
        rams = {ram.name: [0] * ram.words for ram in step.rams}
        position = {read.name: 0 for read in step.reads}
        for write in step.writes:
            run.outputs[write.name], run.output_steps[write.name] = [], []
        quiet = 0
        while run.steps < maximum_steps and not (idle_steps and quiet >= idle_steps):
            values = dict(state)
            values.update({f"in_{name}": value for name, value in inputs.items()})
            for name, words in streams.items():
                values[f"read_{name}"] = words[position[name]] if position[name] < len(words) else 0
            result = self._settle_rams(values, rams)
            wanted = [read.name for read in step.reads if result[f"read_{read.name}"]]
            if any(position[name] >= len(streams[name]) for name in wanted):
                break
            moved = self._commit(run, result, rams)
            for name in wanted:
                position[name] += 1
            state = {name: result[name] for name in state}
            run.ports = {item.name: result[f"out_{item.name}"] for item in step.outputs}
            quiet = 0 if wanted or moved else quiet + 1
            run.steps += 1
        run.left = {name: len(streams[name]) - position[name] for name in position}
        return run

    def _settle_rams(self, values: dict[str, int], rams: dict[str, list[int]]) -> dict[str, int]:
        """Run the step until every RAM has returned what lies at the address it was asked for."""
        readable = [ram.name for ram in self._step.rams]
        result = self.call(values)
        for _ in readable:
            words = {
                f"ram_{name}": rams[name][
                    min(result[f"ram_read_address_{name}"], len(rams[name]) - 1)
                ]
                for name in readable
            }
            if all(values.get(name, 0) == word for name, word in words.items()):
                break
            values.update(words)
            result = self.call(values)
        return result

    def _commit(self, run: Run, result: dict[str, int], rams: dict[str, list[int]]) -> bool:
        moved = False
        for write in self._step.writes:
            if result[f"write_{write.name}"]:
                run.outputs[write.name].append(result[f"value_{write.name}"])
                run.output_steps[write.name].append(run.steps)
                moved = True
        for ram in self._step.rams:
            if result[f"ram_write_{ram.name}"]:
                address = result[f"ram_write_address_{ram.name}"]
                rams[ram.name][address] = result[f"ram_write_value_{ram.name}"]
                moved = True
        return moved


def _integer(bits: object, width: int) -> int:
    if width <= 64:
        return int(bits.to_uint64())  # type: ignore[attr-defined]
    return int.from_bytes(bits.to_bytes(), "little")  # type: ignore[attr-defined]
