# SPDX-License-Identifier: Apache-2.0
"""Waiting for the machine's interrupt: Linux's device of it, and runs on the simulated board."""

from __future__ import annotations

import os
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pynq_driver import CompiledLibrary, load
from pynq_driver.board.errors import (
    BoardLostError,
    BoardTimeoutError,
    DmaError,
    InterruptError,
    InterruptLostError,
)
from pynq_driver.board.host import HostFiles
from pynq_driver.board.interrupt import WAITING_VARIABLE, Waiting, chosen_waiting
from pynq_driver.language_model.backends.board import board_backend
from pynq_driver.language_model.backends.machine import MachineBackend
from pynq_driver.language_model.known_answer import greedy_tokens
from pynq_driver.simulated_board.dma_engine import SLAVE_ERROR
from tritforge.errors import ConfigurationError
from tritforge.language_model.image import Image

TIMEOUT = 2.0


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WAITING_VARIABLE, raising=False)
    assert chosen_waiting() is Waiting.POLLING
    monkeypatch.setenv(WAITING_VARIABLE, "interrupt")
    assert chosen_waiting() is Waiting.INTERRUPT
    monkeypatch.setenv(WAITING_VARIABLE, "irq")
    with pytest.raises(ConfigurationError, match="='irq': set it to polling or interrupt"):
        chosen_waiting()


# Linux's device: a pseudo-terminal stands for it, whose other end is the kernel.


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[tuple[HostFiles, int]]:
    """Files of a host with the device, and the descriptor of the other end."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    for name, device in (("uio0", "audio"), ("uio1", "fabric")):
        (tmp_path / "uio" / name).mkdir(parents=True)
        (tmp_path / "uio" / name / "name").write_text(f"{device}\n")
    (tmp_path / "uio1").symlink_to(os.ttyname(theirs))
    yield HostFiles(devices=tmp_path, interrupts=tmp_path / "uio"), ours
    os.close(ours)
    os.close(theirs)


def test_linux_is_told_that_an_interrupt_may_come(kernel: tuple[HostFiles, int]) -> None:
    host, descriptor = kernel
    interrupt = host.open_interrupt()
    assert not interrupt.wait(0.05)
    assert os.read(descriptor, 16) == b"\1\0\0\0"

    def ring() -> None:
        time.sleep(0.05)
        os.write(descriptor, b"\7\0\0\0")

    thread = threading.Thread(target=ring)
    thread.start()
    assert interrupt.wait(10)
    thread.join()
    assert not interrupt.wait(0)  # it was read
    interrupt.close()
    interrupt.close()


def test_a_system_without_the_device(tmp_path: Path) -> None:
    files = HostFiles(devices=tmp_path, interrupts=tmp_path / "uio")
    with pytest.raises(InterruptError, match=r"no device named fabric: .*WAITING=polling"):
        files.open_interrupt()
    (tmp_path / "uio" / "uio0").mkdir(parents=True)
    (tmp_path / "uio" / "uio0" / "name").write_text("fabric\n")
    with pytest.raises(InterruptError, match=r"uio0 cannot be opened .*run this as root"):
        files.open_interrupt()


# The simulated board.


@pytest.fixture
def backend(
    overlay: Path, device: Any, small_image: Image, library: CompiledLibrary
) -> Iterator[MachineBackend]:
    opened = board_backend(small_image, overlay, device, TIMEOUT, Waiting.INTERRUPT)
    yield opened
    opened.device.close()


@pytest.fixture(scope="module")
def expected(small_image: Image) -> list[int]:
    return greedy_tokens(load(small_image.path, backend="golden").backend, [1], 4)


@pytest.mark.csim
@pytest.mark.filterwarnings("ignore")
def test_tokens(backend: MachineBackend, device: Any, expected: list[int]) -> None:
    assert greedy_tokens(backend, [1], 4) == expected
    assert device.interrupt.waits == 4


@pytest.mark.csim
@pytest.mark.filterwarnings("ignore")
def test_a_lost_interrupt(backend: MachineBackend, device: Any, expected: list[int]) -> None:
    backend.prefill([1])
    device.interrupt.is_lost = True
    started = time.monotonic()
    with pytest.raises(InterruptLostError, match=r"/proc/interrupts count.*WAITING=polling"):
        backend.prefill([2])
    assert time.monotonic() - started < TIMEOUT
    device.interrupt.is_lost = False
    assert greedy_tokens(backend, [1], 4) == expected


@pytest.mark.csim
@pytest.mark.filterwarnings("ignore")
def test_faults_are_noticed_without_an_interrupt(
    backend: MachineBackend, device: Any, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.prefill([1])
    faults = device.engines["weights_0"].faults
    faults.is_stuck = True
    with pytest.raises(BoardTimeoutError, match=r"weights_0.* not taken to its end"):
        backend.prefill([2])
    backend.reset()
    faults.is_stuck, faults.error = False, SLAVE_ERROR
    with pytest.raises(DmaError, match="weights_0 stopped"):
        backend.prefill([2])
    backend.reset()
    with monkeypatch.context() as patch:
        patch.setattr(device.interrupt, "_is_high", lambda: setattr(device, "is_gone", True))
        with pytest.raises(BoardLostError, match="open the overlay again"):
            backend.prefill([2])
    device.is_gone = False
    assert greedy_tokens(backend, [1], 4) == expected
