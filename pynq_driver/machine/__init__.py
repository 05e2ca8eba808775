# SPDX-License-Identifier: Apache-2.0
"""The accelerator as the driver sees it: words in, words out, whatever executes them.

`words` turns a model image and tokens into the words of a run and back, `device` is the interface
of what runs them, `session` puts both together, `compiled` opens a simulation compiled to a shared
library.
"""

from pynq_driver.machine.compiled import CompiledMachine, MemoryModel, NoProgressError
from pynq_driver.machine.device import Device, Disturbance, Run, RunResult
from pynq_driver.machine.fit import config_for
from pynq_driver.machine.session import MachineSession
from pynq_driver.machine.words import MachineWords, Outcome, Scoreboard

__all__ = [
    "CompiledMachine",
    "Device",
    "Disturbance",
    "MachineSession",
    "MachineWords",
    "MemoryModel",
    "NoProgressError",
    "Outcome",
    "Run",
    "RunResult",
    "Scoreboard",
    "config_for",
]
