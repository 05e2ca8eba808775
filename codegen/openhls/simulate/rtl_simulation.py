# SPDX-License-Identifier: Apache-2.0
"""Verilated simulation of a translated module, with random stalls on every stream."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codegen.openhls.cache import cached
from codegen.openhls.errors import InterfaceError, ToolError
from codegen.openhls.manifest import Direction, Manifest, Port, Stream
from codegen.openhls.simulate.drivers import CPP_FOLDER, driver_contents, numbers, words_text
from codegen.openhls.simulate.verilator import (
    TRACE,
    TRACE_DEFINE,
    include_options,
    run_time_objects,
    verilate,
)
from codegen.openhls.system import host_compiler, run
from codegen.openhls.tools import PINNED_VERSIONS, check_tools
from codegen.openhls.wires import (
    DATA_SUFFIX,
    FUNCTION_OUTPUT,
    READY_SUFFIX,
    RESET,
    VALID_SUFFIX,
)

_MODEL = "Vmodel"
_FLAGS = ("--cc", "-O3", "--x-assign", "fast", "-Wno-fatal", "-Wno-lint", "-Wno-style")
_CXX_FLAGS = ("-std=c++17", "-O1", "-w", "-DVL_TIME_CONTEXT", "-DVM_COVERAGE=0")
_DRIVER = "rtl_driver.hpp"
#: Letters of a name that Verilator keeps (VName::s_maxLength).
_MAXIMUM_MEMBER = 127
#: Cycles without any word moving after which a process is considered to be at rest.
_QUIET_CYCLES = 200


@dataclass(frozen=True)
class RtlRun:
    """What a simulation did.

    Attributes:
        outputs: output stream -> words; output -> last value, or one per vector.
        output_cycles: stream -> cycle of every word that moved, counted from the end of reset.
        left: input stream -> words not taken.
        cycles: from the end of reset to the end of the simulation.
    """

    outputs: dict[str, list[int]] = field(default_factory=dict)
    output_cycles: dict[str, list[int]] = field(default_factory=dict)
    left: dict[str, list[int]] = field(default_factory=dict)
    cycles: int = 0


@dataclass(frozen=True)
class RtlSimulation:
    """A compiled Verilated model with its driver."""

    program: Path
    manifest: Manifest

    def run_process(
        self,
        words: Mapping[str, Sequence[int]],
        expected_words: int,
        maximum_cycles: int,
        seed: int = 1,
        stall_percent: int = 0,
        waveform: Path | None = None,
    ) -> RtlRun:
        """Feed a process until `expected_words` words came out and nothing moves any more.

        Args:
            words: input stream -> words; input -> one word.
            stall_percent: how often, each cycle, a stream is held back.
            waveform: VCD file for every signal, two units of time per cycle; reset is in it.
                Needs a simulation that was built for it.

        Raises:
            ToolError: the waveform cannot be written.
        """
        numbers_ = (seed, stall_percent, expected_words, maximum_cycles, 0)
        return self._run(words, numbers_, waveform)

    def run_function(self, words: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
        """Feed a pure pipeline one vector per cycle; outputs in the order of the vectors."""
        count = len(next(iter(words.values())))
        cycles = count + self.manifest.latency
        run_ = self._run(words, (1, 0, 0, cycles, count))
        latency = self.manifest.latency
        return _split_outputs(self.manifest, run_.outputs[FUNCTION_OUTPUT][latency:])

    def _run(
        self,
        words: Mapping[str, Sequence[int]],
        numbers_: tuple[int, ...],
        waveform: Path | None = None,
    ) -> RtlRun:
        ports = _signals(self.manifest)
        seed, stall, expected, cycles, vectors = numbers_
        with tempfile.TemporaryDirectory() as name:
            given, result = Path(name) / "in.txt", Path(name) / "out.txt"
            given.write_text(words_text([port.name for port in ports], words), encoding="ascii")
            command: list[object] = [
                self.program,
                given,
                result,
                *map(str, (seed, stall, expected, cycles)),
            ]
            command += [str(_QUIET_CYCLES), str(vectors), *([] if waveform is None else [waveform])]
            run(command, f"simulation of {self.manifest.top}")
            lines = result.read_text(encoding="ascii").splitlines()
        if len(lines) != 2 * len(ports) + 1:
            raise ToolError(f"the simulation of {self.manifest.top} wrote {len(lines)} lines")
        found = RtlRun(cycles=int(lines[-1]))
        for index, port in enumerate(ports):
            values = numbers(lines[2 * index])
            if port.direction is Direction.INPUT:
                found.left[port.name] = values
            else:
                found.outputs[port.name] = values
                cycles_text = lines[2 * index + 1].split()[1:]
                found.output_cycles[port.name] = [int(item) for item in cycles_text]
        return found


def _signals(manifest: Manifest) -> list[Port | Stream]:
    """Ports of the module as the driver sees them: a function has one output."""
    if not manifest.is_function:
        return [*manifest.ports, *manifest.streams]
    inputs = [port for port in manifest.ports if port.direction is Direction.INPUT]
    width = sum(port.width for port in manifest.ports if port.direction is Direction.OUTPUT)
    return [*inputs, Port(FUNCTION_OUTPUT, width, Direction.OUTPUT)]


def _split_outputs(manifest: Manifest, words: Sequence[int]) -> dict[str, list[int]]:
    low, result = 0, {}
    for port in manifest.ports:
        if port.direction is Direction.OUTPUT:
            mask = (1 << port.width) - 1
            result[port.name] = [word >> low & mask for word in words]
            low += port.width
    return result


def build_rtl_simulation(
    system_verilog: str, manifest: Manifest, waveform: bool = False
) -> RtlSimulation:
    """Verilate and compile a module; kept in the cache.

    Args:
        waveform: whether `run_process` can write waveforms; runs are slower then.

    Raises:
        ToolError: Verilator or a compiler is missing or fails.
    """
    check_tools("verilator")
    main = _main_text(manifest)
    flags = (*_FLAGS, *(TRACE if waveform else ()))
    cxx_flags = (*_CXX_FLAGS, *((TRACE_DEFINE,) if waveform else ()))
    compiler = host_compiler()
    parts: list[str | bytes] = [
        PINNED_VERSIONS["verilator"],
        compiler.identity,
        *flags,
        *cxx_flags,
        system_verilog,
        manifest.top,
        main,
        *driver_contents(),
    ]

    def build(folder: Path) -> None:
        source, model = folder / f"{manifest.top}.sv", folder / "model"
        source.write_text(system_verilog, encoding="utf-8")
        verilate(flags, manifest.top, _MODEL, model, [source])
        # One translation unit compiles several times faster than Verilator's own makefile.
        units = "".join(f'#include "{path.name}"\n' for path in sorted(model.glob("*.cpp")))
        (model / "main.cpp").write_text(units + main, encoding="utf-8")
        command: list[object] = [*compiler.command, *cxx_flags, f"-I{model}", f"-I{CPP_FOLDER}"]
        command += [*include_options(), model / "main.cpp", *run_time_objects(cxx_flags)]
        command += ["-o", folder / "sim", "-pthread"]
        run(command, f"{compiler.name} on the Verilated {manifest.top}")

    return RtlSimulation(cached("verilated", parts, build) / "sim", manifest)


def _main_text(manifest: Manifest) -> str:
    lines = []
    for port in _signals(manifest):
        is_stream = isinstance(port, Stream)
        data = f"model.{_member(port.name + (DATA_SUFFIX if is_stream else ''))}"
        flags = f"{_cpp(is_stream)}, {_cpp(port.direction is Direction.INPUT)}"
        handshake = "nullptr, nullptr"
        if is_stream:
            wires = (port.name + suffix for suffix in (VALID_SUFFIX, READY_SUFFIX))
            handshake = ", ".join(f"&model.{_member(wire)}" for wire in wires)
        write = "[&](const std::string& hex) { openhls::put(" + data + ", hex); }"
        read = f"[&] {{ return openhls::get({data}); }}"
        lines.append(f"    ports.push_back({{{flags}, {write}, {read}, {handshake}}});")
    call = "run_function()" if manifest.is_function else f"run_process(model.{RESET})"
    return (
        f'#include "{_DRIVER}"\n#include "{_MODEL}.h"\n'
        "int main(int argc, char** argv) {\n    if (argc < 9) return 2;\n"
        "    VerilatedContext context;\n    context.traceEverOn(true);\n"
        f"    {_MODEL} model(&context);\n"
        "    const openhls::Options options = openhls::parse(argc, argv);\n"
        "    std::vector<openhls::Port> ports;\n" + "\n".join(lines) + "\n"
        "    if (!openhls::load(options, ports)) return 3;\n"
        f"    openhls::Bench<{_MODEL}> bench(model, ports, options);\n"
        f"    if (!bench.open_waveform()) return 5;\n    bench.{call};\n"
        "    return openhls::save(options, ports, bench.cycle()) ? 0 : 4;\n}\n"
    )


def _member(wire: str) -> str:
    """The member of Verilator's model that is a port: two underscores in a row are encoded.

    Raises:
        InterfaceError: the name is so long that Verilator makes a hash of it.
    """
    name = wire.replace("__", "___05F")
    if len(name) > _MAXIMUM_MEMBER:
        raise InterfaceError(
            f"the port {wire} has a name of {len(wire)} letters: too long for Verilator"
        )
    return name


def _cpp(value: bool) -> str:
    return "true" if value else "false"
