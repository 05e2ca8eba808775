# SPDX-License-Identifier: Apache-2.0
"""C-simulation of a top function with g++, driven by words."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.openhls.cache import cached, check_unchanged
from codegen.openhls.errors import CompileError, ToolError
from codegen.openhls.simulate.drivers import CPP_FOLDER, numbers, words_text
from codegen.openhls.step import Step
from codegen.openhls.system import VENDOR_MACROS, host_compiler, preprocess, run

_FLAGS = ("-std=c++17", "-O1", "-w", *VENDOR_MACROS)
_DRIVER = "csim_driver.hpp"


@dataclass(frozen=True)
class CSimulation:
    """A compiled C-simulation."""

    program: Path
    step: Step

    def run(self, words: Mapping[str, Sequence[int]], steps: int) -> dict[str, list[int]]:
        """Run so many steps.

        Args:
            words: stream -> words; input -> one word per step (pure function) or one in all.

        Returns:
            output stream -> words; input stream -> words left; output -> one word per step
            (pure function), or the last one.

        Raises:
            ToolError: it ended by itself, e.g. because it read an empty stream.
        """
        pure = "1" if self.step.is_function else "0"
        with tempfile.TemporaryDirectory() as name:
            given, result = Path(name) / "in.txt", Path(name) / "out.txt"
            given.write_text(words_text(self.step.parameters, words), encoding="ascii")
            run(
                [self.program, given, result, str(steps), pure], f"C-simulation of {self.step.name}"
            )
            lines = result.read_text(encoding="ascii").splitlines()
        if len(lines) != len(self.step.parameters):
            raise ToolError(f"C-simulation of {self.step.name} wrote {len(lines)} lines")
        return {name: numbers(line) for name, line in zip(self.step.parameters, lines)}


def build_c_simulation(source: Path, step: Step, include_folders: Sequence[Path]) -> CSimulation:
    """Compile the top function with its driver; kept in the cache.

    Raises:
        CompileError: the compiler rejects the source.
    """
    compiler = host_compiler()
    options = [*_FLAGS, *(f"-I{item}" for item in (*include_folders, CPP_FOLDER))]
    main = (
        f'#include "{source.resolve()}"\n#include "{_DRIVER}"\n'
        f"int main(int argc, char** argv) {{ return openhls::run(&{step.name}, argc, argv); }}\n"
    )

    def read(folder: Path) -> bytes:
        (folder / "main.cpp").write_text(main, encoding="utf-8")
        return preprocess(compiler, options, folder / "main.cpp")

    with tempfile.TemporaryDirectory(prefix="openhls_") as name:
        text = read(Path(name))

    def build(folder: Path) -> None:
        check_unchanged(source, text, read(folder))
        command: list[object] = [*compiler.command, *options, folder / "main.cpp"]
        run([*command, "-o", folder / "csim"], f"{compiler.name} on {source}", CompileError)
        check_unchanged(source, text, read(folder))

    folder = cached("csim", [compiler.identity, *_FLAGS, text], build)
    return CSimulation(folder / "csim", step)
