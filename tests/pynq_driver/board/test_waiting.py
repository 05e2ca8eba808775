# SPDX-License-Identifier: Apache-2.0
"""How the end of a run is noticed: register accesses and delay of polling and of interrupts.

Time is the test's: a register access takes as long as docs/board.md assumes, a sleep as long as it
says, and a run ends when the test wants. PYNQ's classes are its own.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pynq_driver import CompiledLibrary
from pynq_driver.board import transport
from pynq_driver.board.opening import BoardMachine, open_board
from pynq_driver.language_model.backends.machine import MachineBackend
from pynq_driver.language_model.known_answer import greedy_tokens
from tritforge.language_model.image import Image

pytestmark = [pytest.mark.csim, pytest.mark.filterwarnings("ignore")]

ACCESS_SECONDS = 30e-6
#: Time of a token of the 370M shape on a PYNQ-Z2.
RUN_SECONDS = 34e-3


@dataclass
class Clock:
    """Stands for the module `time` in the driver."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Bench:
    """A machine whose runs take RUN_SECONDS of the clock.

    Attributes:
        ended: when the last run ended.
    """

    device: Any
    machine: BoardMachine
    backend: MachineBackend
    clock: Clock
    run_seconds: float = RUN_SECONDS
    ended: float = 0.0

    def token(self) -> tuple[int, float]:
        """Accesses of a token, and seconds from the end of the run until it is noticed."""
        self.device.reads = self.device.writes = 0
        noticed: list[float] = []
        honest = self.machine.transport._collect

        def collect() -> None:
            noticed.append(self.clock.now)
            honest()

        self.machine.transport._collect = collect  # type: ignore[method-assign]
        self.backend.prefill([1])
        self.machine.transport._collect = honest  # type: ignore[method-assign]
        return self.device.reads + self.device.writes, noticed[0] - self.ended


@pytest.fixture
def bench(
    overlay: Path,
    device: Any,
    small_image: Image,
    library: CompiledLibrary,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    machine = open_board(overlay, device, 10)
    backend = MachineBackend(small_image, machine, library.config)
    clock = Clock()
    found = Bench(device, machine, backend, clock)
    monkeypatch.setattr(transport, "time", clock)

    def slow(access: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            clock.now += ACCESS_SECONDS
            return access(*arguments)

        return timed

    for name in ("_read", "_write"):
        monkeypatch.setattr(device, name, slow(getattr(device, name)))
    output = device.engines["output"]
    start, progress = output._start, output._progress

    def started(*arguments: Any) -> None:
        found.ended = clock.now + found.run_seconds
        start(*arguments)

    monkeypatch.setattr(output, "_start", started)
    monkeypatch.setattr(
        output, "_progress", lambda name: progress(name) if clock.now >= found.ended else (0, False)
    )
    yield found
    machine.close()


def test_polling_is_cheap_and_prompt(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = bench.token()
    accesses, delay = bench.token()
    with capsys.disabled():
        print(f"\n{accesses} accesses, noticed {1e6 * delay:.0f} us late (first run: {first})")
    assert accesses <= 64
    assert delay <= 0.01 * RUN_SECONDS


def test_a_run_that_is_much_shorter_is_noticed_before_the_last_ones_time(bench: Bench) -> None:
    bench.token()
    bench.run_seconds /= 10
    assert bench.token()[1] <= RUN_SECONDS
    # Half of the sleep each time: the driver does not know how much shorter they are.
    late = [bench.token()[1] for _ in range(6)]
    assert late[-1] <= 0.01 * RUN_SECONDS and sum(late) <= RUN_SECONDS


class Controller:
    """PYNQ's controller of interrupts over registers that are counted; `ring` is its line."""

    def __init__(self, pynq: Any, bench: Bench) -> None:
        from pynq import interrupt

        self.accesses = 0
        self.handlers: list[Any] = []
        self.inner = object.__new__(interrupt._InterruptController)
        self.inner.mmio = self
        self.inner.wait_handles = [[] for _ in range(32)]
        self.inner.event_number = self.inner.number = 0
        self.inner.parent = self
        self.line = object.__new__(interrupt.Interrupt)
        self.line.parent, self.line.number = weakref.ref(self.inner), 0
        self.line.event, self.line.waiting = asyncio.Event(), False

    def read(self, offset: int) -> int:
        self.accesses += 1
        return 1  # line 0 is pending

    def write(self, offset: int, value: int) -> None:
        self.accesses += 1

    def add_event(self, event: Any, number: int) -> None:
        """As of PYNQ's device of the kernel (UIO)."""
        self.handlers.append(event)

    def ring(self) -> None:
        handlers, self.handlers = self.handlers, []
        for item in handlers:
            item.set()


async def _wait_with_interrupts(pynq: Any, bench: Bench, is_lost: bool) -> int:
    """Accesses from the start of a transfer until PYNQ's own `wait_async` returns."""
    controller = Controller(pynq, bench)
    channel = bench.machine.transport._channel("output")
    channel._interrupt = controller.line
    buffer = bench.machine.transport._buffers.to_receive("output", 8)
    channel.transfer(buffer)
    bench.device.reads = bench.device.writes = 0
    waiting = asyncio.ensure_future(channel.wait_async())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    output = bench.device.engines["output"]
    honest, output._progress = output._progress, lambda name: (8, True)
    if not is_lost:
        controller.ring()
    try:
        await asyncio.wait_for(waiting, 0.2)
        return int(bench.device.reads + bench.device.writes + controller.accesses)
    finally:
        channel._interrupt, output._progress = None, honest
        bench.machine.transport._is_moving = True
        bench.machine.reset()


class ModelledInterrupt:
    """Comes when the run ends; `calls` counts those of the kernel."""

    def __init__(self, bench: Bench) -> None:
        self.calls = 0
        self._bench = bench

    def wait(self, seconds: float) -> bool:
        self.calls += 3  # to allow it, to wait, to read it
        self._bench.clock.now = max(self._bench.clock.now, self._bench.ended)
        return True

    def close(self) -> None:
        pass


def test_the_machines_interrupt_costs_no_access(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Transfers are one per stream either way."""
    bench.token()
    engines = bench.device.engines.values()
    before = [engine.transfers for engine in engines]
    polling, late = bench.token()
    interrupt = ModelledInterrupt(bench)
    monkeypatch.setattr(bench.machine.transport, "_interrupt", interrupt)
    accesses, delay = bench.token()
    assert [engine.transfers - count for engine, count in zip(engines, before)] == [2] * len(before)
    bench.run_seconds = -1.0
    assert accesses == bench.token()[0]
    with capsys.disabled():
        print(
            f"\npolling {polling} accesses, {1e6 * late:.0f} us late; interrupt {accesses} and "
            f"{interrupt.calls // 2} calls of the kernel, {1e6 * delay:.0f} us late; at 30 us each "
            f"{100 * polling * ACCESS_SECONDS / RUN_SECONDS:.1f} and "
            f"{100 * accesses * ACCESS_SECONDS / RUN_SECONDS:.1f} % of {RUN_SECONDS * 1e3:g} ms"
        )
    assert accesses < polling and delay <= 0.01 * RUN_SECONDS
    # What polling adds passes while the machine runs.
    assert accesses * ACCESS_SECONDS <= 0.05 * RUN_SECONDS


def test_pynqs_interrupts_are_no_cheaper(
    pynq: Any, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counted for one stream, without the two calls of the kernel that an interrupt needs."""
    bench.token()
    polling, _ = bench.token()
    bench.run_seconds = -1.0
    bench.token()
    without_waiting, _ = bench.token()
    waits = polling - without_waiting
    interrupts = asyncio.run(_wait_with_interrupts(pynq, bench, is_lost=False))
    with capsys.disabled():
        print(f"\nwaiting: {waits} accesses by polling, {interrupts} by an interrupt")
    assert 7 <= interrupts <= 12
    assert waits <= 2.5 * interrupts


def test_a_lost_interrupt_hangs_pynq_and_not_the_driver(
    pynq: Any, bench: Bench, small_image: Image
) -> None:
    """PYNQ's own wait has no time-out; what the driver reads is whether the engine is idle."""
    from pynq_driver import load

    bench.token()
    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(_wait_with_interrupts(pynq, bench, is_lost=True))
    for engine in bench.device.engines.values():
        engine.faults.loses_interrupts = True
    golden = load(small_image.path, backend="golden").backend
    found = greedy_tokens(bench.backend, [1], 4)
    assert np.array_equal(found, greedy_tokens(golden, [1], 4))
