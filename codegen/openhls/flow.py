# SPDX-License-Identifier: Apache-2.0
"""The whole flow: a C++ file and the name of its top function to SystemVerilog and a manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.openhls.cache import cached, check_unchanged
from codegen.openhls.frontend.clang import compile_to_llvm, fingerprint, preprocess
from codegen.openhls.frontend.llvm_parser import parse_module
from codegen.openhls.manifest import Manifest, check_agreement, manifest_of
from codegen.openhls.step import Step
from codegen.openhls.translate.top import translate
from codegen.openhls.wires import CORE_SUFFIX
from codegen.openhls.xls.compiler import optimise, to_system_verilog
from codegen.openhls.xls.emit import function_ir, ir_name, step_function_ir
from codegen.openhls.xls.process import process_ir
from codegen.openhls.xls.wrapper import (
    RAM_MODULE,
    library_module,
    needs_wrapper,
    process_wrapper,
)
from codegen.sources import hls_folder


@dataclass(frozen=True)
class Design:
    """A translated function.

    Attributes:
        step: its graph, for the interpreter.
        ir: XLS IR that is scheduled.
        modules: the module `manifest.top` and those of its own.
        library: modules of hls/rtl that it needs.
    """

    manifest: Manifest
    step: Step
    ir: str
    modules: str
    library: tuple[str, ...]

    @property
    def system_verilog(self) -> str:
        """All of it in one text."""
        return "\n".join([*map(library_module, self.library), self.modules])


def default_includes() -> tuple[Path, ...]:
    """Folders of the project's headers and of `ap_int.h`."""
    root = hls_folder()
    return (root / "include", root / "shim")


def llvm_of(source: Path, include_folders: Sequence[Path]) -> str:
    """LLVM IR of a C++ file; kept in the cache.

    Raises:
        ToolError: clang is missing, did not end, or the files changed under its hands.
        CompileError: the source does not compile.
    """
    text = preprocess(source, include_folders)

    def build(folder: Path) -> None:
        (folder / "step.ll").write_text(compile_to_llvm(source, include_folders), encoding="utf-8")
        check_unchanged(source, text, preprocess(source, include_folders))

    return (cached("llvm", [fingerprint(), text], build) / "step.ll").read_text(encoding="utf-8")


def translate_file(source: Path, top: str, include_folders: Sequence[Path] | None = None) -> Step:
    """Translate one top function.

    Args:
        include_folders: folders with headers; `default_includes()` if None.

    Raises:
        CompileError, StyleError: the C++ does not compile or is outside the style.
    """
    folders = default_includes() if include_folders is None else include_folders
    return translate(parse_module(llvm_of(source, folders)), top)


def build_design(step: Step, wanted: Manifest) -> Design:
    """Schedule a translated function.

    Args:
        wanted: pipeline stages; ports and state are checked if they are given.

    Raises:
        InterfaceError: `wanted` does not agree with the C++, or has too few stages.
        StyleError: a step cannot start every cycle.
    """
    manifest = manifest_of(step, wanted.pipeline_stages)
    check_agreement(wanted, manifest)
    text = function_ir(step) if step.is_function else step_function_ir(step)
    ir = optimise(text, ir_name(step))
    if not step.is_function:
        ir = process_ir(step, ir)
    wrapped = needs_wrapper(manifest)
    module = step.name + (CORE_SUFFIX if wrapped else "")
    text = to_system_verilog(ir, step, module, manifest.pipeline_stages)
    if wrapped:
        text = f"{text}\n{process_wrapper(manifest)}"
    return Design(manifest, step, ir, text, (RAM_MODULE,) if step.rams else ())
