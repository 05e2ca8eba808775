# SPDX-License-Identifier: Apache-2.0
"""hls/shim/hls_task.h: processes in fibers, bounded by the depths of their streams."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.hls.shim import shim_tools

pytestmark = pytest.mark.csim

#: `split` sends a block to one stream and then a block to the other; `join` wants the second first.
PROCESSES = """
#include <cstdio>
#include <ap_int.h>
#include <hls_stream.h>
#include <hls_task.h>
#define CHECK(x) if (!(x)) return __LINE__
constexpr int kBlock = 5;
using Words = hls::stream<ap_uint<16>>;

void split(Words& in, Words& first, Words& second) {
    static int count = 0;
    (count < kBlock ? first : second).write(in.read());
    count = (count + 1) % (2 * kBlock);
}

void join(Words& first, Words& second, Words& out) {
    // In the middle of a step: both reads may wait.
    const ap_uint<16> b = second.read();
    const ap_uint<16> a = first.read();
    out.write(a * 100 + b);
}

template <int kDepth>
void machine(Words& in, Words& out) {
#pragma HLS DATAFLOW
    hls_thread_local hls::stream<ap_uint<16>, kDepth> first("first");
    hls_thread_local hls::stream<ap_uint<16>, 1> second("second");
    hls_thread_local hls::task split_task(split, in, first, second);
    hls_thread_local hls::task join_task;
    static bool started = false;
    if (!started) join_task(join, first, second, out);
    started = true;
}
"""
RUN = """
int main() {
    Words in("in"), out("out");
    for (int run = 0; run < 3; run++) {
        for (int i = 0; i < 200; i++) in.write(i % 10);
        machine<FIRST_DEPTH>(in, out);
        for (int i = 0; i < 100; i++) CHECK(out.read() == (i % 5) * 100 + i % 5 + 5);
        CHECK(in.empty() && out.empty());
    }
    return 0;
}
"""
SANITIZED = ("-O1", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")


def run_main(body: str, depth: int, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    source = folder / "task.cpp"
    source.write_text(PROCESSES + body)
    program = shim_tools.gcc_with_shim().build(
        source, "-Wall", "-Wextra", "-Wno-unknown-pragmas", f"-DFIRST_DEPTH={depth}", *flags
    )
    return shim_tools.run_program(program)


@pytest.mark.parametrize("flags", [("-O2",), SANITIZED])
def test_tasks_wait_in_the_middle_of_a_step(tmp_path: Path, flags: tuple[str, ...]) -> None:
    result = run_main(RUN, 5, tmp_path, *flags)
    assert (result.returncode, result.stderr) == (0, "")


def test_deadlock_of_a_short_fifo_is_reported(tmp_path: Path) -> None:
    result = run_main(RUN, 4, tmp_path, "-O2")
    assert result.returncode == -6
    for line in (
        "no task can go on, and the test bench waits for 'out'",
        "task 0 waits to write 'first', which is full",
        "task 1 waits to read 'second', which is empty",
    ):
        assert line in result.stderr


@pytest.mark.parametrize("flags", [("-O2",), SANITIZED])
def test_reset_starts_anew(tmp_path: Path, flags: tuple[str, ...]) -> None:
    body = """
    int main() {
        Words in("in"), out("out");
        in.write(1);
        machine<5>(in, out);
        bool caught = false;
        try {
            out.read();
        } catch (const hls::deadlock&) {
            caught = true;
        }
        CHECK(caught);
        hls::reset_tasks();  // the word in `first` is gone; `split` still counts it
        for (int i = 1; i < 10; i++) in.write(i);
        hls::run_tasks();
        CHECK(in.empty() && out.size() == 4 && out.read() == 105);
        return 0;
    }
    """
    result = run_main(body, 5, tmp_path, *flags)
    assert (result.returncode, result.stderr) == (0, "")


def test_without_tasks_nothing_waits(tmp_path: Path) -> None:
    body = """
    int main() {
        hls::stream<int, 2> s("lonely");
        for (int i = 0; i < 10; i++) s.write(i);
        CHECK(s.size() == 10 && !s.full());
        while (true) s.read();
    }
    """
    result = run_main(body, 5, tmp_path, "-O2")
    assert result.returncode == -6
    assert "hls::stream 'lonely': read while empty" in result.stderr
