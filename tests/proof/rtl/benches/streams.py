# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of benches/streams.sv against models of a few lines of Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from tests.proof.rtl.benches.support import PulseCounter, cycles, reset, stalls, start

UNITS = ("skid", "fifo", "deep", "up", "down", "sink", "source")
#: Share of stalled cycles of producer and consumer.
STALLS = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5), (0.1, 0.9))
TIMEOUT_NS = 200_000


class Bench:
    """A source at `<unit>_in` and a sink at `<unit>_out`."""

    def __init__(self, dut: Any, unit: str) -> None:
        self.dut, self.unit = dut, unit
        self.source = AxiStreamSource(*self._end("in"))
        self.sink = AxiStreamSink(*self._end("out"))
        for end in (self.source, self.sink):
            end.log.setLevel("WARNING")

    def _end(self, end: str) -> tuple[Any, ...]:
        bus = AxiStreamBus.from_prefix(self.dut, f"{self.unit}_{end}")
        no_keep = () if hasattr(bus, "tkeep") else (8,)
        return (bus, self.dut.clk, self.dut.rst, True, *no_keep)

    def lanes(self, end: str) -> int:
        return len(getattr(self.dut, f"{self.unit}_{end}_tdata")) // 8

    def stall(self, seed: int, producer: float, consumer: float) -> None:
        self.source.set_pause_generator(stalls(seed, producer))
        self.sink.set_pause_generator(stalls(seed + 1, consumer))

    async def exchange(self, frames: Sequence[Any], expected: int) -> list[bytes]:
        for frame in frames:
            self.source.send_nowait(frame)
        result = []
        for _ in range(expected):
            frame = await with_timeout(self.sink.recv(compact=True), TIMEOUT_NS, "ns")
            result.append(bytes(frame.tdata))
        await with_timeout(self.source.wait(), TIMEOUT_NS, "ns")
        await cycles(self.dut, 20)
        assert self.sink.empty(), "more packets came out than went in"
        return result


async def prepared(dut: Any, unit: str) -> Bench:
    dut.sink_expected_words.value = 0
    dut.source_expected_words.value = 0
    benches = {name: Bench(dut, name) for name in UNITS}
    await start(dut)
    return benches[unit]


def packets(choose: random.Random, count: int, longest: int) -> list[bytes]:
    return [choose.randbytes(choose.randint(1, longest)) for _ in range(count)]


@cocotb.test()
@cocotb.parametrize(unit=["up", "down"])
async def adapter_keeps_bytes_and_packets(dut: Any, unit: str) -> None:
    bench = await prepared(dut, unit)
    choose = random.Random(1)
    for seed, (producer, consumer) in enumerate(STALLS):
        bench.stall(seed, producer, consumer)
        frames = packets(choose, 40, 30)
        assert await bench.exchange(frames, len(frames)) == frames


async def transfers(dut: Any, unit: str, words: int, limit: int = 1000) -> tuple[int, list[int]]:
    """The cycle in which the first input word moved, and those of `words` output words."""
    signals = [
        getattr(dut, f"{unit}_{end}_t{kind}")
        for end, kind in (("in", "valid"), ("in", "ready"), ("out", "valid"), ("out", "ready"))
    ]
    cycle, first, found = 1, 0, []
    while len(found) < words:
        await FallingEdge(dut.clk)
        given, taken, offered, accepted = (bool(int(signal.value)) for signal in signals)
        if given and taken and not first:
            first = cycle
        if offered and accepted:
            found.append(cycle)
        cycle += 1
        assert cycle < limit
    return first, found


@cocotb.test()
@cocotb.parametrize(
    case=[("up", 16, 4, 4), ("down", 96, 1, 1), ("sink", 64, 2, 1), ("source", 64, 2, 1)]
)
async def latency_and_throughput_are_the_documented_ones(dut: Any, case: Any) -> None:
    unit, length, latency, interval = case  # bytes of a packet, cycles, cycles per word
    bench = await prepared(dut, unit)
    words = length // bench.lanes("out") * 3
    watcher = cocotb.start_soon(transfers(dut, unit, words))
    frames = [bytes(range(length))] * 3
    assert await bench.exchange(frames, 3) == frames
    first, found = await watcher
    assert found == [first + latency + interval * index for index in range(words)], found


@cocotb.test()
@cocotb.parametrize(unit=["skid", "fifo", "deep"])
async def buffer_keeps_words_in_order(dut: Any, unit: str) -> None:
    bench = await prepared(dut, unit)
    choose = random.Random(2)
    for seed, (producer, consumer) in enumerate(STALLS):
        bench.stall(seed, producer, consumer)
        data = choose.randbytes(400)
        bench.source.send_nowait(data)
        result = b""
        while len(result) < len(data):
            result += bytes(await with_timeout(bench.sink.read(2), TIMEOUT_NS, "ns"))
        assert result == data


@cocotb.test()
async def full_fifo_gives_a_word_a_cycle(dut: Any) -> None:
    """A stall that fills the FIFO to the brim costs neither words nor bubbles."""
    bench = await prepared(dut, "deep")
    depth = 1000
    data = random.Random(5).randbytes(2 * 3 * depth)
    bench.sink.pause = True
    bench.source.send_nowait(data)
    await cycles(dut, 2 * depth)
    assert not int(dut.deep_in_tready.value) and int(dut.deep_out_tvalid.value)
    watcher = cocotb.start_soon(transfers(dut, "deep", 3 * depth, 4 * depth))
    bench.sink.pause = False
    result = b""
    while len(result) < len(data):
        result += bytes(await with_timeout(bench.sink.read(2), TIMEOUT_NS, "ns"))
    assert result == data
    _, moved = await watcher
    assert moved[-1] - moved[0] == 3 * depth - 1  # one after the other


def guarded(frame: bytes, expected: int) -> bytes:
    """What the consumer gets for one packet of 32-bit words."""
    whole = frame + bytes(-len(frame) % 4)
    return (whole + bytes(4 * expected))[: 4 * expected] if expected else whole


@cocotb.test()
@cocotb.parametrize(unit=["sink", "source"])
async def packets_get_exactly_the_expected_length(dut: Any, unit: str) -> None:
    bench = await prepared(dut, unit)
    early = PulseCounter(dut, getattr(dut, f"{unit}_error_early"))
    late = PulseCounter(dut, getattr(dut, f"{unit}_error_late"))
    choose = random.Random(3)
    for seed, (producer, consumer) in enumerate(STALLS * 2):
        expected = seed % 6
        getattr(dut, f"{unit}_expected_words").value = expected
        bench.stall(seed, producer, consumer)
        # Whole words: a partial word inside a packet is another test's.
        frames = [choose.randbytes(4 * choose.randint(1, 8)) for _ in range(20)]
        early.count = late.count = 0
        found = await bench.exchange(frames, len(frames))
        assert found == [guarded(frame, expected) for frame in frames]
        lengths = [len(frame) // 4 for frame in frames]
        assert early.count == sum(length < expected for length in lengths)
        assert late.count == sum(0 < expected < length for length in lengths)


@cocotb.test()
async def sink_clears_bytes_that_are_not_kept(dut: Any) -> None:
    bench = await prepared(dut, "sink")
    errors = PulseCounter(dut, dut.sink_error_keep)
    frame = AxiStreamFrame(b"abcdefghijkl", tkeep=[1, 0, 1, 1] + [1] * 4 + [1, 1, 0, 0])
    assert await bench.exchange([frame], 1) == [b"a\0cdefghij\0\0"]
    assert errors.count == 1
    # A last word that is not full is no error.
    assert await bench.exchange([b"abcdef"], 1) == [b"abcdef\0\0"]
    assert errors.count == 1


@cocotb.test()
async def source_keeps_the_partial_last_word(dut: Any) -> None:
    bench = await prepared(dut, "source")
    assert await bench.exchange([b"abcdef", b"x"], 2) == [b"abcdef", b"x"]
    # The word of an early tlast lies inside the packet now, so all of it counts.
    dut.source_expected_words.value = 3
    assert await bench.exchange([b"abcde"], 1) == [b"abcde" + bytes(7)]


@cocotb.test()
@cocotb.parametrize(unit=["up", "down", "sink", "source"])
async def reset_inside_a_packet_leaves_nothing_behind(dut: Any, unit: str) -> None:
    bench = await prepared(dut, unit)
    choose = random.Random(4)
    for delay in range(1, 9):
        dut.sink_expected_words.value = dut.source_expected_words.value = 5 * (delay % 2)
        bench.stall(delay, 0.2, 0.6)
        bench.source.send_nowait(choose.randbytes(60))
        await cycles(dut, delay)
        await reset(dut)
        bench.source.clear()
        bench.sink.clear()
        bench.stall(delay, 0.0, 0.0)
        frame = choose.randbytes(20)
        assert await bench.exchange([frame], 1) == [frame]
