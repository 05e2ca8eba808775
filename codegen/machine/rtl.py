# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog of a whole machine: its processes through the open flow and what is around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from codegen.machine.core import render_core
from codegen.machine.network import EdgeKind, Network
from codegen.machine.source import HEADER_FOLDERS, MachineSource
from codegen.machine.top import render_top
from codegen.openhls.cache import cached
from codegen.openhls.connection import FIFO_MODULE
from codegen.openhls.errors import InterfaceError
from codegen.openhls.flow import build_design, llvm_of
from codegen.openhls.frontend.llvm_parser import parse_module
from codegen.openhls.manifest import Manifest, manifest_from_json
from codegen.openhls.tools import PINNED_VERSIONS, check_tools
from codegen.openhls.translate.top import translate
from codegen.openhls.xls.wrapper import library_module
from codegen.output import write_files

#: Called with (what is being done, steps done, steps in total).
Progress = Callable[[str, int, int], None]

_PACKAGES = ("openhls", "machine")
_MANIFEST = ".manifest.json"
_LIBRARY = "library.txt"


def silent(what: str, done: int, total: int) -> None:
    """No progress."""


@dataclass(frozen=True)
class ProcessRtl:
    """One process.

    Attributes:
        modules: text of its modules.
        library: modules of hls/rtl that it needs.
    """

    manifest: Manifest
    modules: str
    library: tuple[str, ...]


@dataclass(frozen=True)
class MachineRtl:
    """A machine as SystemVerilog.

    Attributes:
        processes: by name.
        files: file name -> text: the library, the processes, the registers, core and top.
    """

    network: Network
    processes: Mapping[str, ProcessRtl]
    files: Mapping[str, str]

    @property
    def manifests(self) -> dict[str, Manifest]:
        """Manifest of every process, by its name."""
        return {name: item.manifest for name, item in self.processes.items()}


def build_machine_rtl(source: MachineSource, progress: Progress = silent) -> MachineRtl:
    """Translate every process and generate what connects them; translations are cached.

    Raises:
        ToolError: a tool of the open flow is missing or fails.
        StyleError: the C++ of a process is outside the style.
        InterfaceError: processes, network and registers do not fit.
    """
    check_tools("ziglang", "xls-python")
    processes = _translated(source, progress)
    manifests = {name: item.manifest for name, item in processes.items()}
    network = source.network
    library = {FIFO_MODULE}.union(*(item.library for item in processes.values()))
    files = {f"{name}.sv": library_module(name) for name in sorted(library)}
    files |= {f"{name}.sv": item.modules for name, item in processes.items()}
    _check_widths(source, manifests)
    files[f"{network.core_name}.sv"] = render_core(network, manifests)
    files |= render_top(network, source.interface)
    return MachineRtl(network, processes, files)


def _check_widths(source: MachineSource, manifests: Mapping[str, Manifest]) -> None:
    """Command and result of the C++ must have the bits that the interface says."""
    for kind, bits in (
        (EdgeKind.COMMANDS, source.interface.command_bits),
        (EdgeKind.RESULTS, source.interface.result_bits),
    ):
        edge = source.network.edge(kind)
        widths = {item.name: item.width for item in manifests[edge.process].streams}
        if widths[edge.stream] != bits:
            raise InterfaceError(
                f"{edge.end} has {widths[edge.stream]} bits, the {kind.value} {bits}"
            )


def package_contents() -> list[bytes]:
    """The translator and the generator themselves, for a hash."""
    root = Path(__file__).resolve().parent.parent
    return [
        path.read_bytes()
        for package in _PACKAGES
        for path in sorted((root / package).rglob("*.*"))
        if path.suffix in (".py", ".hpp", ".h")
    ]


def _translated(source: MachineSource, progress: Progress) -> dict[str, ProcessRtl]:
    parts: list[str | bytes] = [f"{name} {version}" for name, version in PINNED_VERSIONS.items()]
    parts += package_contents()
    for name, content in sorted(source.files.items()):
        parts += [name, content]
    parts += [f"{name} {stages}" for name, stages in source.pipeline_stages.items()]

    def build(folder: Path) -> None:
        _translate(source, folder, progress)

    folder = cached("machine_processes", parts, build)
    return {
        name: ProcessRtl(
            manifest_from_json((folder / f"{name}{_MANIFEST}").read_text(encoding="utf-8")),
            (folder / f"{name}.sv").read_text(encoding="utf-8"),
            tuple((folder / f"{name}.{_LIBRARY}").read_text(encoding="utf-8").split()),
        )
        for name in source.network.processes
    }


def _translate(source: MachineSource, folder: Path, progress: Progress) -> None:
    project = folder / "project"
    write_files(project, source.files)
    top = project / "src" / "top.cpp"
    includes = tuple(project / name for name in HEADER_FOLDERS[1:])
    names = source.network.processes
    progress("compile", 0, len(names) + 1)
    module = parse_module(llvm_of(top, includes))
    for index, name in enumerate(names):
        progress(f"translate {name}", index + 1, len(names) + 1)
        step = translate(module, name)
        design = build_design(step, Manifest(name, source.pipeline_stages[name]))
        (folder / f"{name}{_MANIFEST}").write_text(design.manifest.to_json(), encoding="utf-8")
        (folder / f"{name}.sv").write_text(design.modules, encoding="utf-8")
        (folder / f"{name}.{_LIBRARY}").write_text("\n".join(design.library), encoding="utf-8")
    progress("translated", len(names) + 1, len(names) + 1)
