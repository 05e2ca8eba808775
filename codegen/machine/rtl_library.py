# SPDX-License-Identifier: Apache-2.0
"""The machine in Verilated RTL as a shared library with the C interface of tritforge_machine.h."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from codegen.machine.core import fifos
from codegen.machine.csim_library import MACHINE_CPP_FOLDER
from codegen.machine.description import description_text, stream_constants
from codegen.machine.rtl import MachineRtl, Progress, build_machine_rtl, silent
from codegen.machine.source import MachineSource
from codegen.openhls.cache import cached
from codegen.openhls.simulate.verilator import (
    TRACE,
    TRACE_DEFINE,
    include_options,
    run_time_objects,
    verilate,
)
from codegen.openhls.system import host_compiler, run
from codegen.openhls.tools import PINNED_VERSIONS, check_tools
from tritforge.boards import memory_values
from tritforge.machine_interface import Direction

_MODEL = "Vmachine"
_VERILATOR = (
    "--cc",
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--noassert",
    "--output-split",
    "8000",
    "-Wno-fatal",
    "-Wno-lint",
    "-Wno-style",
)
_CXX = (
    "-std=c++17",
    "-fPIC",
    "-w",
    "-fvisibility=hidden",
    "-DVL_TIME_CONTEXT",
    "-DVM_COVERAGE=0",
)
_OPTIMISE = "-O2"
#: Files that run once are not worth the compiler's time.
_SLOW_FILES = "__Slow"
_HEADERS = (
    "tritforge_machine.h",
    "bit_counters.hpp",
    "c_interface.hpp",
    "memory_model.hpp",
    "rtl_machine.hpp",
    "transfer.hpp",
)


def build_rtl_library(
    source: MachineSource, waveform: bool = False, progress: Progress = silent
) -> Path:
    """Verilate and compile a machine; kept in the cache.

    Args:
        waveform: whether tritforge_trace works; the simulation is slower then.

    Returns:
        Path of the shared library.

    Raises:
        ToolError: a tool is missing or fails.
    """
    check_tools("verilator")
    return simulate_rtl(source, build_machine_rtl(source, progress), waveform, progress)


def simulate_rtl(
    source: MachineSource, rtl: MachineRtl, waveform: bool = False, progress: Progress = silent
) -> Path:
    """Verilate and compile the RTL of a machine, whatever its core is made of."""
    glue = _glue(source, rtl)
    options = (*_VERILATOR, *(TRACE if waveform else ()))
    compiler = host_compiler()
    flags = (*_CXX, *compiler.private_statics)
    flags += (TRACE_DEFINE,) if waveform else ()
    parts: list[str | bytes] = [
        PINNED_VERSIONS["verilator"],
        compiler.identity,
        *options,
        *flags,
    ]
    parts += [_OPTIMISE, glue, *((MACHINE_CPP_FOLDER / name).read_bytes() for name in _HEADERS)]
    for name, text in sorted(rtl.files.items()):
        parts += [name, text]

    def build(folder: Path) -> None:
        model = _verilate(folder, rtl, options, progress)
        (model / "glue.cpp").write_text(glue, encoding="utf-8")
        _compile(folder, model, flags, progress)

    return cached("machine_rtl", parts, build) / "machine.so"


def _verilate(folder: Path, rtl: MachineRtl, options: tuple[str, ...], progress: Progress) -> Path:
    sources, model = folder / "rtl", folder / "model"
    sources.mkdir()
    for name, text in rtl.files.items():
        (sources / name).write_text(text, encoding="utf-8")
    progress("verilate", 0, 1)
    verilate(options, rtl.network.name, _MODEL, model, sorted(sources.glob("*.sv")))
    return model


def _compile(folder: Path, model: Path, flags: tuple[str, ...], progress: Progress) -> None:
    units = sorted(model.glob("*.cpp"), key=lambda path: -path.stat().st_size)
    includes = [f"-I{model}", f"-I{MACHINE_CPP_FOLDER}", *include_options()]
    objects = folder / "objects"
    objects.mkdir()
    done: list[Path] = []
    compiler = host_compiler()

    def compile_unit(unit: Path) -> Path:
        result = objects / f"{unit.stem}.o"
        level = "-O0" if _SLOW_FILES in unit.name else _OPTIMISE
        command = [*compiler.command, *flags, level, *includes, "-c", unit, "-o", result]
        run(command, f"{compiler.name} on {unit.name}")
        done.append(result)
        progress("compile the simulation", len(done), len(units) + 1)
        return result

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        run_time = pool.submit(run_time_objects, (*flags, _OPTIMISE))
        results = [*pool.map(compile_unit, units), *run_time.result()]
    link: list[object] = [
        *compiler.command,
        "-shared",
        *results,
        "-o",
        folder / "machine.so",
        "-pthread",
    ]
    run(link, "linking the simulation")
    progress("compiled the simulation", len(units) + 1, len(units) + 1)


def _glue(source: MachineSource, rtl: MachineRtl) -> str:
    network, interface = rtl.network, source.interface
    names = [item.name for item in fifos(network, rtl.manifests)]
    memory = memory_values(source.board)
    sides = {Direction.INPUT: "s", Direction.OUTPUT: "m"}
    binds = "\n        ".join(
        f"signals[{number}] = {{{', '.join(_signals(item.name, sides[item.direction]))}}};"
        for number, item in enumerate(interface.streams)
    )
    return f"""\
#include <cstdint>
#include "{_MODEL}.h"
#include "tritforge_machine.h"
#include "verilated.h"
{stream_constants(interface, description_text(interface, "rtl", names))}
struct RtlMachine {{
    using Model = {_MODEL};
    static constexpr int kFifos = {len(names)};
    static constexpr const char* kFifoNames[] = {{{", ".join(f'"{name}"' for name in names)}}};
    static constexpr struct tritforge_memory kMemory = {{{", ".join(map(str, memory.values()))}}};
    template <class Signals>
    static void bind(Model& model, Signals& signals) {{
        {binds}
    }}
}};
#include "rtl_machine.hpp"
#include "c_interface.hpp"
"""


def _signals(name: str, side: str) -> list[str]:
    return [f"&model.{side}_axis_{name}_t{item}" for item in ("data", "last", "valid", "ready")]
