# SPDX-License-Identifier: Apache-2.0
"""Runs with one fault, for tests of any machine: packets of a wrong length, and dead ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pynq_driver.devices.device import Disturbance, Run, Words
from tritforge.machine_interface import MachineInterface


@dataclass(frozen=True)
class BrokenRun:
    """A run with one fault.

    Attributes:
        halts: the run never ends by itself; otherwise the machine reports an error.
        flag: stream error that it must report, or "".
    """

    name: str
    run: Run
    halts: bool = False
    flag: str = ""


def wrong_lengths(
    run: Run, interface: MachineInterface, generator: np.random.Generator
) -> Iterator[BrokenRun]:
    """Early, late and absent TLAST, and a packet that dies, on every input stream."""
    for stream in (item.name for item in interface.inputs):
        size = run.inputs[stream].size
        cut = int(generator.integers(size - 1))
        early = Disturbance(last_word={stream: cut}, words={stream: cut + 1})
        yield BrokenRun(
            f"{stream}: TLAST on word {cut} of {size}",
            dataclasses.replace(run, disturbance=early),
            flag=f"{stream}_early",
        )
        extra = int(generator.integers(1, 40))
        tail = np.full(extra, 0x0123456789ABCDEF, np.uint64)
        yield BrokenRun(
            f"{stream}: {extra} words too many",
            with_input(run, stream, np.concatenate([run.inputs[stream], tail])),
            flag=f"{stream}_late",
        )
        yield BrokenRun(
            f"{stream}: no TLAST",
            dataclasses.replace(run, disturbance=Disturbance(last_word={stream: None})),
            halts=True,
        )
        yield BrokenRun(
            f"{stream}: dies after {cut} words",
            dataclasses.replace(run, disturbance=Disturbance(words={stream: cut})),
            halts=True,
        )


def with_input(run: Run, stream: str, words: Words) -> Run:
    """The run with another packet."""
    return dataclasses.replace(run, inputs={**run.inputs, stream: words})
