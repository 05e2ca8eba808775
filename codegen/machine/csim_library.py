# SPDX-License-Identifier: Apache-2.0
"""The machine in C-simulation as a shared library with the C interface of tritforge_machine.h.

The library is the Vitis form itself, compiled with the shim: every process is a task, and its
streams hold what they are deep.
"""

from __future__ import annotations

from pathlib import Path

from codegen.constants import constant_name
from codegen.machine.description import description_text, stream_constants
from codegen.machine.source import HEADER_FOLDERS, MachineSource
from codegen.openhls.cache import cached
from codegen.openhls.errors import CompileError
from codegen.openhls.system import host_compiler, run
from codegen.output import write_files
from tritforge.machine_interface import ERROR_CODE_BITS, MachineInterface
from tritforge.register_map import Access

MACHINE_CPP_FOLDER = Path(__file__).resolve().parent / "cpp"
_RUNTIME = (
    "tritforge_machine.h",
    "c_interface.hpp",
    "csim_machine.hpp",
    "register_model.hpp",
    "transfer.hpp",
)
_FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")
_HLS_FLAGS = ("-Wno-unknown-pragmas", "-Wno-unused-label")
_CAMEL = {
    Access.CONSTANT: "kConstant",
    Access.READ_ONLY: "kReadOnly",
    Access.READ_WRITE: "kReadWrite",
    Access.WRITE_ONE_TO_CLEAR: "kWriteOneToClear",
    Access.PULSE: "kPulse",
    Access.COUNTER: "kCounter",
}


def build_csim_library(source: MachineSource) -> Path:
    """Compile the C-simulation of a machine; kept in the cache.

    Returns:
        Path of the shared library.

    Raises:
        CompileError: the compiler rejects it.
        ToolError: there is no compiler.
        InterfaceError: network and interface do not fit.
    """
    source.network.check_interface(source.interface)
    main = _main_text(source)
    runtime = [(MACHINE_CPP_FOLDER / name).read_bytes() for name in _RUNTIME]
    compiler = host_compiler()
    parts: list[str | bytes] = [compiler.identity, *_FLAGS, *_HLS_FLAGS, main, *runtime]
    for path, content in sorted(source.files.items()):
        parts += [path, content]

    def build(folder: Path) -> None:
        project = folder / "project"
        write_files(project, source.files)
        (folder / "main.cpp").write_text(main, encoding="utf-8")
        includes = [f"-I{project / name}" for name in HEADER_FOLDERS[:-1]]
        includes += ["-isystem", str(project / HEADER_FOLDERS[-1]), f"-I{MACHINE_CPP_FOLDER}"]
        command: list[object] = [*compiler.command, *_FLAGS, *_HLS_FLAGS, *compiler.private_statics]
        command += [*includes, folder / "main.cpp"]
        run(
            [*command, "-o", folder / "machine.so"],
            f"{compiler.name} on {source.name}",
            CompileError,
        )

    return cached("machine_csim", parts, build) / "machine.so"


def _main_text(source: MachineSource) -> str:
    network, interface = source.network, source.interface
    numbers = {item.name: number for number, item in enumerate(interface.streams)}
    packets = [edge for edge in network.edges if edge.kind.is_packets]
    arguments = ", ".join(f"streams[{numbers[edge.name]}]" for edge in packets)
    return f"""\
#include <cstdint>
#include "machine.hpp"
// What a process keeps lies in a section of its own, so that a reset can restore it.
#define static static __attribute__((section("tritforge_state")))
#include "top.cpp"
#undef static
#include "machine.cpp"
#include "register_model.hpp"
{stream_constants(interface, description_text(interface, "csim", ()))}
{_register_constants(interface)}
struct CsimMachine {{
    template <class Streams>
    static void call(hls::stream<MachineCommand>& commands, hls::stream<MachineResult>& results,
                     Streams& streams) {{
        {network.tasks_name}(commands, results, {arguments});
    }}
}};
#include "csim_machine.hpp"
#include "c_interface.hpp"
"""


def _register_constants(interface: MachineInterface) -> str:
    """C++ constants: every field of the register map, and the places of those with a meaning."""
    fields = list(interface.registers.fields())
    places = {f"{register.name}.{item.name}": i for i, (register, item) in enumerate(fields)}
    rows = ",\n".join(
        f"    {{{register.offset}, {item.low}, {item.bits}, Access::{_CAMEL[item.access]}, "
        f"{item.reset}u}}"
        for register, item in fields
    )
    single = (
        *(f"control.{name}" for name in ("start", "reset", "clear_counters")),
        *(f"status.{name}" for name in ("idle", "done", "error_code")),
    )
    lines = [
        f"constexpr RegisterField kRegisterFields[] = {{\n{rows}}};",
        *(
            f"constexpr int {constant_name(name.replace('.', '_'))} = {places[name]};"
            for name in single
        ),
        f"constexpr int kErrorBits = {ERROR_CODE_BITS};",
        _places("kCommandFields", [places[f"command.{item.name}"] for item in interface.command]),
        _places(
            "kFlagFields",
            [
                places[f"{group.name}.{flag.name}"]
                for group in interface.flags
                for flag in group.flags
            ],
        ),
    ]
    return "\n".join(lines)


def _places(name: str, places: list[int]) -> str:
    return f"constexpr int {name}[] = {{{', '.join(map(str, places))}}};"
