# SPDX-License-Identifier: Apache-2.0
"""`SimulatedDevice`: what PYNQ takes for a board.

It is a `pynq.pl_server.device.Device`; `pynq.Overlay`, `pynq.allocate`, `pynq.MMIO`,
`pynq.lib.DMA` and `pynq.Clocks` work on it as they are. Its bitstreams are compiled machines.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pynq.buffer import PynqBuffer
from pynq.pl_server.device import Device

from pynq_driver.board.host import HostFiles
from pynq_driver.board.interrupt import RunInterrupt
from pynq_driver.devices.compiled import CompiledTransport, MemoryModel
from pynq_driver.devices.device import NoProgressError, Words
from pynq_driver.simulated_board.clocks import ClockRegisters, clock_registers
from pynq_driver.simulated_board.dma_engine import SimulatedDmaEngine
from pynq_driver.simulated_board.interrupt import SimulatedInterrupt
from pynq_driver.simulated_board.memory import BufferObject, ContiguousMemoryModel
from pynq_driver.simulated_board.parsing import parse_handoff
from tritforge.boards import Board, memory_values
from tritforge.boards.block_design import BlockDesign, block_design
from tritforge.boards.families import family_of

#: CMA of the PYNQ image, in bytes.
DEFAULT_CONTIGUOUS_MEMORY = 128 << 20
_CMA_BASE = 0x1000_0000
#: Cycles of Verilated RTL that pass while the host polls once; a C-simulation runs to its end.
_CYCLES_PER_POLL = 200_000
#: Cycles that pass while the host reads a register of the machine.
_CYCLES_PER_ACCESS = 1000
_NOBODY = 0xFFFF_FFFF


@dataclass(frozen=True)
class SimulatedHostFiles(HostFiles):
    """What the Linux of the simulated board reports.

    Attributes:
        memory: for DMA buffers.
        interrupt: of the machine.
    """

    memory: ContiguousMemoryModel = field(kw_only=True)
    interrupt: SimulatedInterrupt = field(kw_only=True)

    def memory_text(self) -> str:
        """The two lines of `/proc/meminfo` that tell of CMA."""
        return f"CmaTotal: {self.memory.size >> 10} kB\nCmaFree: {self.memory.free >> 10} kB\n"

    def open_interrupt(self) -> RunInterrupt:
        """The interrupt of the machine in the simulated fabric."""
        return self.interrupt


class SimulatedDevice(Device):
    """A board with a processing system, DRAM, and a fabric that takes compiled machines.

    Attributes:
        is_simulated: that it is no real board.
        board: which board.
        capabilities: as PYNQ asks for them.
        host_files: what Linux would report; see `pynq_driver.board.host`.
        engines: stream -> its DMA engine, once an overlay is loaded.
        machine: the machine in the fabric, once an overlay is loaded.
        interrupt: of that machine.
        reads, writes: register accesses so far.
        is_gone: nothing answers any more, for tests.
        keeps_clock: the fabric's clock cannot be set, for tests.
        before_poll: called once when the host waits for a run, for tests.
    """

    is_simulated = True

    def __init__(
        self, board: Board, contiguous_memory_bytes: int = DEFAULT_CONTIGUOUS_MEMORY
    ) -> None:
        super().__init__(f"simulated-{board.name}")
        self.board = board
        self.name = board.title
        self.capabilities = {"REGISTER_RW": True, "MEMORY_MAPPED": False, "CALLABLE": False}
        self.timestamp: str | None = None
        self.bitfile_name: str | None = None
        self.devicetree_dict: dict[str, Any] = {}
        self.memory = ContiguousMemoryModel(_CMA_BASE, contiguous_memory_bytes)
        self.engines: dict[str, SimulatedDmaEngine] = {}
        self.machine: CompiledTransport | None = None
        self.reads = self.writes = 0
        self.is_gone = self.keeps_clock = False
        self.before_poll: Callable[[], None] | None = None
        self._clocks: ClockRegisters = clock_registers(family_of(board))
        self._clock_values = dict(self._clocks.values)
        self._design: BlockDesign | None = None
        folder = tempfile.mkdtemp(prefix="tritforge_board_")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.interrupt = SimulatedInterrupt(self._run_has_ended)
        self.host_files = SimulatedHostFiles(
            lock=Path(folder) / "lock", memory=self.memory, interrupt=self.interrupt
        )

    def become_active(self) -> None:
        """Make this the board that PYNQ uses, clocks included."""
        import pynq.ps

        Device.active_device = self
        clocks = getattr(pynq.ps, self._clocks.pynq_class)
        # PYNQ chooses the class by the processor that it runs on.
        pynq.ps.Clocks._real_instance = clocks()

    def get_bitfile_metadata(self, bitfile_name: str, partial: bool = False) -> Any:
        """What PYNQ knows of an overlay, from its hardware hand-off."""
        return parse_handoff(Path(bitfile_name).with_suffix(".hwh"), self.memory.size)

    def download(self, bitstream: Any, parser: Any = None) -> None:
        """Put a compiled machine into the fabric."""
        machine = CompiledTransport(Path(bitstream.bitfile_name))
        if machine.has_clock():
            machine.memory = MemoryModel(**memory_values(self.board))
        if self.machine is not None:
            self.machine.close()
        self.machine = machine
        self._design = block_design(machine.interface, self.board)
        self.engines = {
            item.stream.name: SimulatedDmaEngine(
                item, self.memory.words, self._begin, self._progress, machine.stop_streams
            )
            for item in self._design.engines
        }
        self.post_download(bitstream, parser, self.name)

    def allocate(self, shape: Any, dtype: Any, **options: Any) -> Any:
        """A buffer, as `pynq.allocate` gives it."""
        dtype = np.dtype(dtype)
        size = int(np.prod(shape)) * dtype.itemsize
        item = self.memory.take(size)
        buffer = PynqBuffer(
            shape,
            dtype,
            buffer=item.processor.data,
            bo=item,
            device=self,
            device_address=item.address,
            coherent=False,
        )
        # PYNQ gives a buffer with a pointer back through `return_pointer`.
        buffer.memory, buffer.pointer, buffer.return_to = self, item, self
        item.buffer = weakref.ref(buffer)
        return buffer

    def return_pointer(self, item: BufferObject) -> None:
        """Called by a PYNQ buffer that is freed."""
        buffer = item.buffer()
        if buffer is not None:
            buffer.freed = True
        self.memory.give_back(item)

    def flush(self, item: BufferObject, offset: int, address: int, size: int) -> None:
        """Write the processor's cache back."""
        item.dram[offset : offset + size] = item.processor[offset : offset + size]

    def invalidate(self, item: BufferObject, offset: int, address: int, size: int) -> None:
        """Forget the processor's cache."""
        item.processor[offset : offset + size] = item.dram[offset : offset + size]

    def read_registers(self, address: int, length: int) -> bytes:
        """Read 32-bit registers, as PYNQ's MMIO does."""
        words = [self._read(address + offset) for offset in range(0, length, 4)]
        return b"".join(word.to_bytes(4, "little") for word in words)

    def write_registers(self, address: int, data: bytes) -> None:
        """Write 32-bit registers, as PYNQ's MMIO does."""
        for offset in range(0, len(data), 4):
            self._write(address + offset, int.from_bytes(data[offset : offset + 4], "little"))

    def close(self) -> None:
        """Called by `Overlay.free`: the machine leaves the fabric."""
        if self.machine is not None:
            self.machine.close()
            self.machine = None

    def _read(self, address: int) -> int:
        if address in self._clock_values or self._is_clock(address):
            return self._clock_values.get(address, 0)
        self.reads += 1
        if self.is_gone or self.machine is None:
            return _NOBODY
        target, offset = self._target(address)
        if target is None:
            with suppress(NoProgressError):
                self.machine.advance(_CYCLES_PER_ACCESS)
            return self.machine.read_register(offset)
        return target.read(offset)

    def _write(self, address: int, value: int) -> None:
        if self._is_clock(address):
            if not self.keeps_clock:
                self._clock_values[address] = value
            return
        self.writes += 1
        if self.is_gone or self.machine is None:
            return
        target, offset = self._target(address)
        if target is None:
            self.machine.write_register(offset, value)
        else:
            target.write(offset, value)

    def _run_has_ended(self) -> bool:
        """Level of the machine's interrupt, while simulated time passes."""
        if self.is_gone or self.machine is None:
            return False
        with suppress(NoProgressError):
            self.machine.wait(_CYCLES_PER_POLL)
        status = self.machine.interface.registers.register("status")
        (done,) = (item for item in status.fields if item.name == "done")
        return bool(self.machine.read_register(status.offset) & done.mask)

    def _is_clock(self, address: int) -> bool:
        return any(base <= address < base + size for base, size in self._clocks.spaces)

    def _target(self, address: int) -> tuple[SimulatedDmaEngine | None, int]:
        """The DMA engine at an address, or None for the machine, and the offset in it."""
        assert self._design is not None
        if 0 <= address - self._design.machine_address < self._design.region_bytes:
            return None, address - self._design.machine_address
        for engine in self.engines.values():
            if 0 <= address - engine.engine.address < self._design.region_bytes:
                return engine, address - engine.engine.address
        raise RuntimeError(f"bus error: nothing answers at {address:#010x}")

    def _begin(self, stream: str, words: Words) -> None:
        assert self.machine is not None
        if self.engines[stream].engine.sends:
            self.machine.send(stream, words, words.size - 1)
        else:
            self.machine.receive(stream, words)

    def _progress(self, stream: str) -> tuple[int, bool]:
        assert self.machine is not None
        if self.before_poll is not None and not self.engines[stream].engine.sends:
            hook, self.before_poll = self.before_poll, None
            hook()
        moved, ended = self.machine.progress(stream)
        if not ended:
            with suppress(NoProgressError):  # as on a board: registers tell nothing
                self.machine.wait(_CYCLES_PER_POLL)
            moved, ended = self.machine.progress(stream)
        return moved, ended
