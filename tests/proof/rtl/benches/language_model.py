# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the whole machine's AXI edges against the golden model.

The machine is testing.tiny_accelerator; a random model is made when the simulation starts.
"""

from __future__ import annotations

import itertools
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import with_timeout
from cocotbext.axi import AxiStreamFrame

from pynq_driver.devices.device import Run
from testing.golden_device import GoldenDevice
from testing.machine_robustness import SHAPE
from testing.machine_runs import RunMaker, bad_headers
from testing.random_model import random_image
from testing.tiny_accelerator import tiny_accelerator
from tests.proof.rtl.benches.support import AxiMachine, stalls
from tritforge.language_model.interface import ARRAY, machine_interface
from tritforge.machine_interface import IDENTIFICATION

CONFIG = tiny_accelerator()
INTERFACE = machine_interface(CONFIG)
REGISTERS = INTERFACE.registers
TIMEOUT_NS = 2_000_000
#: Share of stalled cycles of the producers and of the consumer.
STALLS = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.9), (0.7, 0.5))


@cache
def maker() -> RunMaker:
    with tempfile.TemporaryDirectory() as folder:
        return RunMaker(random_image(Path(folder), SHAPE), CONFIG)


class Bench(AxiMachine):
    """The machine beside the golden model."""

    def __init__(self, dut: Any) -> None:
        super().__init__(dut, INTERFACE, TIMEOUT_NS)
        self.reference = GoldenDevice(CONFIG)
        self.generator = np.random.default_rng(1)

    async def hard_reset(self) -> None:
        await self.reset()
        self.drop_packets()

    async def soft_reset(self) -> None:
        """As a driver does it: stop every DMA engine, reset the machine, start the engines."""
        for end in self.ends:
            end.assert_reset(True)
        await self.write("control", REGISTERS.register("control").fields[2].mask)
        await self.cycles(40)
        self.drop_packets()
        for end in self.ends:
            end.assert_reset(False)

    def stall(self, seed: int, producers: float, consumer: float) -> None:
        for index, source in enumerate(self.sources.values()):
            source.set_pause_generator(stalls(seed + index, producers))
        self.sink.set_pause_generator(stalls(seed + 99, consumer))

    def offer(self, run: Run) -> None:
        for name, words in run.inputs.items():
            self.sources[name].send_nowait(AxiStreamFrame(words.tobytes()))

    async def begin(self, run: Run) -> None:
        await self.write("command", run.command)
        await self.write("control", 1)
        self.offer(run)

    async def finish(self) -> tuple[list[int], str, dict[str, tuple[str, ...]]]:
        """Output words, error and flags, from the registers."""
        frame = await with_timeout(self.sink.recv(), TIMEOUT_NS, "ns")
        for _ in range(2000):
            status = await self.read("status")
            if status & 1:
                break
        assert status & 3 == 3, "idle and done"
        flags = {}
        for group in INTERFACE.flags:
            value = await self.read(group.name)
            names = (item.name for bit, item in enumerate(group.flags) if value >> bit & 1)
            flags[group.name] = tuple(names)
            await self.write(group.name, 0xFFFFFFFF)
        await self.write("status", 0xFFFFFFFF)
        error = INTERFACE.errors[status >> 8]
        assert self.sink.empty(), "one packet per run"
        words = np.frombuffer(bytes(frame.tdata), "<u8")
        return words.tolist(), error, flags

    async def check(self, run: Run, what: str) -> None:
        await self.begin(run)
        words, error, flags = await self.finish()
        expected = self.reference.run(run)
        assert (error, flags) == (expected.error, expected.flags), what
        assert words == expected.outputs["output"].tolist(), f"{what}: output"
        for name, source in self.sources.items():
            assert source.idle(), f"{what}: words of {name} are left"


async def prepared(dut: Any) -> Bench:
    bench = Bench(dut)
    await bench.start()
    return bench


@cocotb.test()
async def registers_say_what_it_is(dut: Any) -> None:
    bench = await prepared(dut)
    assert await bench.read("identification") == IDENTIFICATION
    fingerprint = int(CONFIG.fingerprint(), 16)
    assert await bench.read("configuration_low") == fingerprint & 0xFFFFFFFF
    assert await bench.read("configuration_high") == fingerprint >> 32
    for name in ("dim", "layers", "glu_width", "vocabulary", "ports", "lanes", "states"):
        assert await bench.read(name) == getattr(CONFIG, name)
    assert await bench.read("status") == 1


@cocotb.test()
async def bubbles_and_back_pressure_change_no_bit(dut: Any) -> None:
    bench = await prepared(dut)
    for seed, (producers, consumer) in enumerate(STALLS):
        bench.stall(10 * seed, producers, consumer)
        run = maker().random_run(bench.generator, fresh=seed == 0)
        await bench.check(run, f"stalls {producers}, {consumer}")


@cocotb.test()
async def counters_count_a_run(dut: Any) -> None:
    bench = await prepared(dut)
    run = maker().fresh_run(bench.generator)
    await bench.write("control", 2)
    await bench.check(run, "counted run")
    counts = {name: await bench.read(name) for name in ARRAY.counters}
    assert counts["array_beats"] == run.inputs["weights_0"].size
    assert sum(counts.values()) == await bench.read("cycles")
    await bench.write("control", 2)
    assert await bench.read("cycles") == 0


@cocotb.test()
async def wrong_packets_are_reported_and_left_behind(dut: Any) -> None:
    bench = await prepared(dut)
    bench.stall(5, 0.3, 0.3)
    for index, name in enumerate(bench.sources):
        for extra in (-3, 7):
            run = maker().fresh_run(bench.generator)
            await bench.write("command", run.command)
            await bench.write("control", 1)
            for stream, words in run.inputs.items():
                size = words.size + (extra if stream == name else 0)
                data = np.resize(words, size).tobytes()
                bench.sources[stream].send_nowait(AxiStreamFrame(data))
            _, error, flags = await bench.finish()
            kind = "early" if extra < 0 else "late"
            assert error == "stream_length", (name, extra, flags)
            assert flags["stream_errors"] == (f"{name}_{kind}",), (name, extra, flags)
        await bench.check(maker().fresh_run(bench.generator), f"after {name} ({index})")


@cocotb.test()
async def bad_headers_are_reported_and_left_behind(dut: Any) -> None:
    bench = await prepared(dut)
    run = maker().fresh_run(bench.generator)
    broken = bad_headers(run, maker().image, bench.generator)
    for item in itertools.islice(broken, 0, None, 5):
        await bench.begin(item.run)
        words, error, _ = await bench.finish()
        assert words == [0], item.name
        assert error != "none", item.name
        await bench.check(maker().fresh_run(bench.generator), f"after {item.name}")


@cocotb.test()
@cocotb.parametrize(kind=["soft", "hard"])
async def reset_in_mid_token_leaves_nothing_behind(dut: Any, kind: str) -> None:
    bench = await prepared(dut)
    for delay in (3, 100, 400, 900, 1500):
        bench.stall(delay, 0.2, 0.2)
        run = maker().fresh_run(bench.generator)
        await bench.begin(run)
        await bench.cycles(delay)
        assert not await bench.read("status") & 2, "still in the token"
        await (bench.soft_reset() if kind == "soft" else bench.hard_reset())
        assert await bench.read("status") == 1
        await bench.check(maker().fresh_run(bench.generator), f"{kind} reset after {delay}")
        await bench.check(maker().random_run(bench.generator), f"{kind} reset after {delay}, next")


@cocotb.test()
async def a_dead_packet_needs_a_soft_reset(dut: Any) -> None:
    bench = await prepared(dut)
    run = maker().fresh_run(bench.generator)
    await bench.write("command", run.command)
    await bench.write("control", 1)
    bench.offer(run)
    bench.sources["input"].clear()
    await bench.cycles(3000)
    assert await bench.read("status") == 0, "it waits, neither idle nor done"
    assert await bench.read("stall_input") > 1000
    await bench.soft_reset()
    await bench.check(maker().fresh_run(bench.generator), "after a dead packet")
