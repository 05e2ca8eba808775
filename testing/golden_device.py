# SPDX-License-Identifier: Apache-2.0
"""A device that runs the golden machine: test double of a board, reference of every machine."""

from __future__ import annotations

from pynq_driver.devices.device import Run, RunResult
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.golden.machine import GoldenMachine
from tritforge.language_model.interface import machine_interface
from tritforge.language_model.wire.command import Command


class GoldenDevice:
    """Answers every run with the words of the golden machine.

    Attributes:
        runs: commands so far.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self.interface = machine_interface(config)
        self.runs: list[int] = []
        self.closed = False
        self._config = config
        self._machine = GoldenMachine(config)

    def run(self, run: Run) -> RunResult:
        """One token per lane."""
        self.runs.append(run.command)
        command = Command.from_word(run.command, self._config.lanes)
        weights = tuple(run.inputs[f"weights_{port}"] for port in range(self._config.ports))
        output, outcome = self._machine.run(
            command, weights, run.inputs["parameters"], run.inputs["input"]
        )
        flags = {"saturation": outcome.saturations, "stream_errors": outcome.stream_errors}
        return RunResult({"output": output}, outcome.error.name.lower(), flags, {"cycles": 7})

    def reset(self) -> None:
        """Forget what is on its way, which is nothing."""

    def close(self) -> None:
        """Remember that the device was closed."""
        self.closed = True
