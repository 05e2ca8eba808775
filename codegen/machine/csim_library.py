# SPDX-License-Identifier: Apache-2.0
"""The machine in C-simulation as a shared library with the C interface of tritforge_machine.h.

The library is the Vitis form itself, compiled with the shim: every process is a task, and its
streams hold what they are deep.
"""

from __future__ import annotations

from pathlib import Path

from codegen.machine.network import Edge, Network
from codegen.machine.source import HEADER_FOLDERS, MachineSource, machine_source
from codegen.openhls.cache import cached
from codegen.openhls.errors import CompileError
from codegen.openhls.system import host_compiler, run
from tritforge.language_model.config import PORT_CHOICES, AcceleratorConfig

MACHINE_CPP_FOLDER = Path(__file__).resolve().parent / "cpp"
_ABI_HEADER = "tritforge_machine.h"
_RUNTIME = "csim_machine.hpp"
_FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")
_HLS_FLAGS = ("-Wno-unknown-pragmas", "-Wno-unused-label")
#: Packet streams in the order of `enum tritforge_stream`: weight ports, then the others.
_WEIGHTS = "weights_"
MAXIMUM_PORTS = max(PORT_CHOICES)
_OTHERS = ("parameters", "input", "output")
STREAMS = MAXIMUM_PORTS + len(_OTHERS)


def build_csim_library(config: AcceleratorConfig) -> Path:
    """Compile the C-simulation of a configuration; kept in the cache.

    Returns:
        Path of the shared library.

    Raises:
        CompileError: the compiler rejects it.
        ToolError: there is no compiler.
    """
    return build_csim_library_of(machine_source(config))


def build_csim_library_of(source: MachineSource) -> Path:
    """The same for any machine."""
    main = _main_text(source)
    runtime = [(MACHINE_CPP_FOLDER / name).read_bytes() for name in (_ABI_HEADER, _RUNTIME)]
    compiler = host_compiler()
    parts: list[str | bytes] = [compiler.identity, *_FLAGS, *_HLS_FLAGS, main, *runtime]
    for path, content in sorted(source.files.items()):
        parts += [path, content]

    def build(folder: Path) -> None:
        project = folder / "project"
        for path, content in source.files.items():
            file = project / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
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


def stream_number(edge: Edge) -> int:
    """Index of an edge in the C interface."""
    if edge.name.startswith(_WEIGHTS):
        return int(edge.name[len(_WEIGHTS) :])
    return MAXIMUM_PORTS + _OTHERS.index(edge.name)


def weight_ports(network: Network) -> int:
    """Number of weight streams."""
    return sum(edge.name.startswith(_WEIGHTS) for edge in network.packets_in)


def _main_text(source: MachineSource) -> str:
    network = source.network
    packets = [edge for edge in network.edges if edge.kind.is_packets]
    arguments = ", ".join(f"streams[{stream_number(edge)}]" for edge in packets)
    return f"""\
#include "machine.hpp"
// What a process keeps lies in a section of its own, so that a reset can restore it.
#define static static __attribute__((section("tritforge_state")))
#include "top.cpp"
#undef static
#include "machine.cpp"
#include "tritforge_machine.h"
struct CsimMachine {{
    static constexpr const char* kFingerprint = "{source.config.fingerprint()}";
    static constexpr int kPorts = {weight_ports(network)};
    template <class Streams>
    static void call(MachineCommand command, MachineResult& result, Streams& streams) {{
        {network.name}(command, result, {arguments});
    }}
}};
#include "{_RUNTIME}"
"""
