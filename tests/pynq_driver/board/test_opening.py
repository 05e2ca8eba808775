# SPDX-License-Identifier: Apache-2.0
"""The board's driver and the unmodified pynq on the simulated board: tokens, costs, faults.

Every fault ends in an exception of its own that names the remedy, and the next generation works.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pynq_driver import CompiledLibrary, LanguageModel, load
from pynq_driver.board.errors import (
    BoardBusyError,
    BoardLostError,
    BoardTimeoutError,
    ClockError,
    ContiguousMemoryError,
    DmaError,
    OverlayFilesError,
    OverlayMismatchError,
    PynqError,
)
from pynq_driver.board.opening import BoardMachine, open_board
from pynq_driver.board.overlay_files import BITSTREAM, HANDOFF, RECORD, _sha256
from pynq_driver.devices.device import Run
from pynq_driver.language_model.backends.board import board_backend
from pynq_driver.language_model.backends.machine import MachineBackend
from pynq_driver.language_model.known_answer import greedy_tokens
from pynq_driver.simulated_board.dma_engine import DECODE_ERROR, SLAVE_ERROR
from pynq_driver.simulated_board.overlay import write_simulated_overlay
from tritforge.boards import Board, load_board
from tritforge.errors import ImageError, TritforgeError
from tritforge.language_model.config import RELEASED_SHAPES
from tritforge.language_model.image import Image, open_image
from tritforge.ternary_code import TRITS_PER_BYTE
from tritforge_cli.machine import library_for

pytestmark = [pytest.mark.csim, pytest.mark.filterwarnings("ignore")]

TIMEOUT = 1.0
#: Microseconds of one register access from Python on a PYNQ-Z2, as docs/board.md models it.
ACCESS_MICROSECONDS = 30


@pytest.fixture
def machine(overlay: Path, device: Any) -> Iterator[BoardMachine]:
    opened = open_board(overlay, device, TIMEOUT)
    yield opened
    opened.close()


@pytest.fixture
def backend(machine: BoardMachine, small_image: Image, library: CompiledLibrary) -> MachineBackend:
    return MachineBackend(small_image, machine, library.config)


@pytest.fixture(scope="session")
def expected(small_image: Image) -> list[int]:
    return tokens_of(load(small_image.path, backend="golden").backend)


def tokens_of(backend: Any, count: int = 4) -> list[int]:
    """Greedy tokens from the empty context."""
    return greedy_tokens(backend, [1], count)


@pytest.mark.slow
def test_the_embedded_model_gives_the_golden_tokens(
    tmp_path: Path, story_image: Image, board: Board, device: Any
) -> None:
    """32 tokens through pynq.Overlay, pynq.allocate, pynq.lib.DMA and pynq.MMIO as they are."""
    library = library_for("csim", story_image)
    folder = tmp_path / "overlay"
    write_simulated_overlay(folder, library.path, library.config.to_mapping(), board)
    model = LanguageModel(story_image, board_backend(story_image, folder, device))
    options: dict[str, Any] = {"max_tokens": 32, "temperature": 0}
    generation = model.generate("Once upon a time", **options)
    text = "".join(generation)
    golden = load(backend="golden").generate("Once upon a time", **options)
    assert text == "".join(golden)
    assert generation.tokens == golden.tokens and len(golden.tokens) == 32


def test_tokens_and_context(backend: MachineBackend, expected: list[int]) -> None:
    assert tokens_of(backend) == expected


def test_cost_of_a_token_for_the_host(
    backend: MachineBackend, device: Any, machine: BoardMachine, expected: list[int]
) -> None:
    """One DMA submission per stream and token, and few register accesses."""
    backend.prefill([1])
    transfers = {name: engine.transfers for name, engine in device.engines.items()}
    device.reads = device.writes = 0
    backend.prefill([2])
    moved = {name: device.engines[name].transfers - count for name, count in transfers.items()}
    assert moved == dict.fromkeys((item.name for item in machine.interface.streams), 1)
    accesses = device.reads + device.writes
    bytes_of_token = RELEASED_SHAPES["370m"].ternary_weights / TRITS_PER_BYTE
    memory = load_board("pynq-z2").memory
    seconds = bytes_of_token / memory.peak_bytes_per_second / memory.sequential_efficiency
    share = accesses * ACCESS_MICROSECONDS * 1e-6 / seconds
    print(f"{accesses} accesses, {100 * share:.1f} % of a 370M token at {seconds * 1e3:.1f} ms")
    assert share <= 0.05


def test_weights_are_copied_once(backend: MachineBackend, device: Any) -> None:
    backend.prefill([1])
    before = {name: item.dram.ctypes.data for name, item in enumerate(device.memory.objects())}
    free = device.memory.free
    backend.prefill([2])
    assert device.memory.free == free
    assert before == {
        name: item.dram.ctypes.data for name, item in enumerate(device.memory.objects())
    }


def test_counters_are_read_if_asked_for(backend: MachineBackend, machine: BoardMachine) -> None:
    backend.prefill([1])
    assert not backend.session.counters
    machine.transport.counting = True
    backend.prefill([2])
    assert "cycles" in backend.session.counters


def test_close_gives_everything_back(
    overlay: Path, device: Any, small_image: Image, library: CompiledLibrary
) -> None:
    machine = open_board(overlay, device, TIMEOUT)
    tokens_of(MachineBackend(small_image, machine, library.config), 1)
    assert device.memory.free < device.memory.size
    machine.close()
    machine.close()
    assert device.memory.free == device.memory.size
    open_board(overlay, device).close()


def test_opening_again_replaces_the_first(overlay: Path, device: Any) -> None:
    """A cell of a notebook that is run again."""
    first = open_board(overlay, device, TIMEOUT)
    second = open_board(overlay, device, TIMEOUT)
    assert second.read_register("identification")
    first.close()
    second.close()


def test_the_clock_comes_from_the_overlay(machine: BoardMachine, pynq: Any, board: Board) -> None:
    assert pynq.Clocks.fclk0_mhz == pytest.approx(board.clock_mhz, rel=1e-4)


# Faults of a run: each ends in its exception, and then the tokens are right.

Break = Callable[[Any, MachineBackend], None]


def _error(stream: str, bits: int) -> Break:
    def break_it(device: Any, backend: MachineBackend) -> None:
        device.engines[stream].faults.error = bits

    return break_it


def _short(device: Any, backend: MachineBackend) -> None:
    device.engines["weights_0"].faults.short_words = 1


def _stuck(device: Any, backend: MachineBackend) -> None:
    device.engines["weights_0"].faults.is_stuck = True


def _gone(device: Any, backend: MachineBackend) -> None:
    device.before_poll = lambda: setattr(device, "is_gone", True)


def _reset(device: Any, backend: MachineBackend) -> None:
    """The machine waits for weights when somebody resets it."""
    machine = backend.device
    device.engines["weights_0"].faults.is_stuck = True
    device.before_poll = lambda: machine.write_register("control", 4)  # type: ignore[attr-defined]


def _interrupt(device: Any, backend: MachineBackend) -> None:
    def press() -> None:
        raise KeyboardInterrupt

    device.before_poll = press


def _second_dma_reset(device: Any, backend: MachineBackend) -> None:
    device.before_poll = lambda: device.engines["output"].write(0x30, 4)


FAULTS: dict[str, tuple[Break, type[BaseException], str]] = {
    "dma slave error on the way in": (
        _error("weights_0", SLAVE_ERROR),
        DmaError,
        "weights_0 stopped .*memory refused.*generate again",
    ),
    "dma decode error on the way out": (
        _error("output", DECODE_ERROR),
        DmaError,
        "output stopped .*no memory at that address",
    ),
    "short transfer": (_short, TritforgeError, r"stream_length \(weights_0_early.*start again"),
    "time-out": (_stuck, BoardTimeoutError, "weights_0.* not taken to its end.*timeout_seconds"),
    "board gone": (_gone, BoardLostError, "does not answer any more.*open the overlay again"),
    "reset during a token": (_reset, BoardTimeoutError, "no packet came from output"),
    "dma engine reset by somebody else": (_second_dma_reset, BoardTimeoutError, "from output"),
    "ctrl-c": (_interrupt, KeyboardInterrupt, ""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_of_a_run(
    name: str, backend: MachineBackend, device: Any, expected: list[int]
) -> None:
    break_it, error, message = FAULTS[name]
    backend.prefill([1])
    break_it(device, backend)
    started = time.monotonic()
    with pytest.raises(error, match=message):
        backend.prefill([2])
    assert time.monotonic() - started < TIMEOUT + 4
    device.is_gone = False
    for engine in device.engines.values():
        engine.faults.is_stuck = False
    assert tokens_of(backend) == expected


def test_an_engine_that_stays_in_reset(
    backend: MachineBackend, device: Any, expected: list[int]
) -> None:
    faults = device.engines["weights_0"].faults
    faults.is_stuck = faults.stays_in_reset = True
    with pytest.raises(BoardTimeoutError, match="weights_0"):
        backend.prefill([1])
    backend.reset()
    with pytest.raises(DmaError, match="does not come out of its reset: load the overlay again"):
        backend.prefill([1])
    faults.is_stuck = faults.stays_in_reset = False
    assert tokens_of(backend) == expected


def test_contiguous_memory_runs_out(
    overlay: Path, device: Any, small_image: Image, library: CompiledLibrary, expected: list[int]
) -> None:
    hog = device.memory.take(device.memory.size - (8 << 10))
    machine = open_board(overlay, device, TIMEOUT)
    backend = MachineBackend(small_image, machine, library.config)
    with pytest.raises(ContiguousMemoryError, match=r"MB of 128 MB are free.*missing.*cma=\d+M"):
        backend.prefill([1])
    device.memory.give_back(hog)
    assert tokens_of(backend) == expected
    machine.close()


def test_a_packet_that_does_not_end_in_its_buffer(
    machine: BoardMachine, backend: MachineBackend, expected: list[int]
) -> None:
    words = backend.session._words
    inputs = {**words.model(), "input": words.input([1])}
    command = words.command(prefill=True, all_logits=True, fresh=(0,))
    with pytest.raises(DmaError, match="internal error: a packet longer than its buffer"):
        machine.run(Run(command, inputs, {"output": 2}))
    assert tokens_of(backend) == expected


# Faults of opening: each is refused, and the mended overlay works.


def _drop(name: str) -> Callable[[Path, CompiledLibrary], None]:
    return lambda folder, library: (folder / name).unlink()


def _change(name: str) -> Callable[[Path, CompiledLibrary], None]:
    def change(folder: Path, library: CompiledLibrary) -> None:
        with (folder / name).open("ab") as file:
            file.write(b" ")

    return change


def _foreign_bitstream(folder: Path, library: CompiledLibrary) -> None:
    """Another machine's bitstream, and a record that does not know better."""
    other = library_for("csim", open_image(os.environ["SMALL_IMAGE"]), lanes=2)
    (folder / BITSTREAM).write_bytes(other.path.read_bytes())
    _record(folder, files={name: _sha256(folder / name) for name in (BITSTREAM, HANDOFF)})


def _foreign_handoff(folder: Path, library: CompiledLibrary) -> None:
    """A hand-off that puts a register elsewhere."""
    text = (folder / HANDOFF).read_text()
    changed = text.replace(
        'NAME="ADDRESS_OFFSET" VALUE="0x8"', 'NAME="ADDRESS_OFFSET" VALUE="0xf8"'
    )
    assert changed != text
    (folder / HANDOFF).write_text(changed)
    _record(folder, files={name: _sha256(folder / name) for name in (BITSTREAM, HANDOFF)})


def _record(folder: Path, **changes: Any) -> None:
    record = json.loads((folder / RECORD).read_text())
    (folder / RECORD).write_text(json.dumps({**record, **changes}))


WRONG_FILES: dict[str, tuple[Any, type[Exception], str]] = {
    "no hand-off": (_drop(HANDOFF), OverlayFilesError, "has no machine.hwh: .*copy all three"),
    "no bitstream": (_drop(BITSTREAM), OverlayFilesError, "has no machine.bit"),
    "no record": (_drop(RECORD), OverlayFilesError, "has no config.json"),
    "changed bitstream": (_change(BITSTREAM), OverlayFilesError, "is not the file that config"),
    "wrong overlay": (_foreign_bitstream, OverlayMismatchError, "not the machine .* promises"),
    "wrong offsets": (_foreign_handoff, OverlayMismatchError, "control is at 0xf8 .*at 0x8"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_wrong_files(
    name: str,
    overlay: Path,
    device: Any,
    library: CompiledLibrary,
    small_image: Image,
    board: Board,
    expected: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMALL_IMAGE", str(small_image.path))
    break_it, error, message = WRONG_FILES[name]
    break_it(overlay, library)
    with pytest.raises(error, match=message):
        open_board(overlay, device, TIMEOUT)
    write_simulated_overlay(overlay, library.path, library.config.to_mapping(), board)
    backend = board_backend(small_image, overlay, device, TIMEOUT)
    assert tokens_of(backend) == expected
    backend.device.close()


def test_a_clock_that_stays_low(
    overlay: Path, device: Any, small_image: Image, expected: list[int]
) -> None:
    """Right answers, too late, and no error: so it is one."""
    device.keeps_clock = True
    with pytest.raises(ClockError, match=r"runs at (100|99\.999) MHz, the overlay was built for"):
        open_board(overlay, device, TIMEOUT)
    device.keeps_clock = False
    backend = board_backend(small_image, overlay, device, TIMEOUT)
    assert tokens_of(backend) == expected
    backend.device.close()


def test_numpy_2(overlay: Path, device: Any, pynq: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(np, "__version__", "2.1.0")
        with pytest.raises(PynqError, match=r"numpy 2\.1\.0: pip install 'numpy<2'"):
            open_board(overlay, device, TIMEOUT)
    open_board(overlay, device, TIMEOUT).close()


def test_a_pynq_that_dropped_the_board(
    tmp_path: Path, device: Any, library: CompiledLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, board = tmp_path / "z2", load_board("pynq-z2")
    write_simulated_overlay(folder, library.path, library.config.to_mapping(), board)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "4.0.0")
    with pytest.raises(PynqError, match=r"does not know the TUL PYNQ-Z2 .*'pynq<4'"):
        open_board(folder, device, TIMEOUT)


def test_a_second_process(
    overlay: Path, device: Any, small_image: Image, expected: list[int]
) -> None:
    lock = device.host_files.lock
    script = (
        "import fcntl, os, sys, time; d = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR);"
        "fcntl.flock(d, fcntl.LOCK_EX); os.write(d, str(os.getpid()).encode());"
        "print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        holder.stdout.readline()
        with pytest.raises(BoardBusyError, match=f"process {holder.pid} uses the board"):
            open_board(overlay, device, TIMEOUT)
        holder.stdin.close()
    backend = board_backend(small_image, overlay, device, TIMEOUT)
    assert tokens_of(backend) == expected
    backend.device.close()


def test_a_corrupt_image(
    overlay: Path, device: Any, small_image: Image, tmp_path: Path, expected: list[int]
) -> None:
    content = bytearray(small_image.path.read_bytes())
    content[len(content) // 2] ^= 1
    broken = tmp_path / "broken.tritforge"
    broken.write_bytes(content)
    with pytest.raises(ImageError):
        board_backend(open_image(broken), overlay, device, TIMEOUT)
    backend = board_backend(small_image, overlay, device, TIMEOUT)
    assert tokens_of(backend) == expected
    backend.device.close()


def test_a_model_that_is_too_large_leaves_the_board_free(
    overlay: Path, device: Any, story_image: Image
) -> None:
    with pytest.raises(TritforgeError, match="generate one with --"):
        board_backend(story_image, overlay, device, TIMEOUT)
    open_board(overlay, device, TIMEOUT).close()


def test_overlays_of_the_real_board_are_refused(overlay: Path, device: Any) -> None:
    _record(overlay, is_simulated=False)
    with pytest.raises(OverlayMismatchError, match="written for a real board, this is the simul"):
        open_board(overlay, device, TIMEOUT)


def test_stale_caches_are_noticed(
    backend: MachineBackend, device: Any, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model of the memory is worth something only if a missing flush changes the result."""
    with monkeypatch.context() as patch:
        patch.setattr(device, "flush", lambda *arguments: None)
        with pytest.raises((TritforgeError, AssertionError)):
            assert tokens_of(backend) == expected
