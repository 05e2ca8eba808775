# SPDX-License-Identifier: Apache-2.0
"""The words that a C++ test bench sends through a top function, and those it gets back.

They feed the other executions: whatever a bench tests in C-simulation is tested in RTL as well.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.openhls.cache import cached, check_unchanged
from codegen.openhls.errors import CompileError, InterfaceError, ToolError
from codegen.openhls.simulate.drivers import CPP_FOLDER, numbers
from codegen.openhls.step import Step
from codegen.openhls.system import VENDOR_MACROS, host_compiler, preprocess, run

_FLAGS = ("-std=c++17", "-O1", "-w", *VENDOR_MACROS)
_RECORDER = "stream_recorder.hpp"
#: Environment variable of a bench with the recorder: the file that it writes.
_VARIABLE = "OPENHLS_WORDS"
#: Behind the name of the function that the bench calls instead.
_RECORDED = "_recorded"


@dataclass(frozen=True)
class BenchWords:
    """What a test bench moved, from its first to its last step.

    Attributes:
        inputs: input stream -> words that steps took.
        outputs: output stream -> words.
        steps: calls of the top function.
    """

    inputs: Mapping[str, list[int]]
    outputs: Mapping[str, list[int]]
    steps: int

    @property
    def input_words(self) -> int:
        """Number of words in all input streams together."""
        return sum(map(len, self.inputs.values()))

    @property
    def output_words(self) -> int:
        """Number of words in all output streams together."""
        return sum(map(len, self.outputs.values()))


def record_bench(
    source: Path,
    header: str,
    bench: Path,
    arguments: Sequence[object],
    step: Step,
    include_folders: Sequence[Path],
) -> BenchWords:
    """Run a test bench and note what its calls of the top function move.

    Args:
        source: C++ file that defines the top function, `extern "C"`.
        header: its name as the bench includes it; declares the function.
        bench: C++ file with main() that calls the function, in a program of its own.
        arguments: command line of the bench.
        step: the translated top function, which has streams alone for parameters.

    Raises:
        InterfaceError: the function has other parameters than streams.
        CompileError: the compiler rejects a file.
        ToolError: the bench fails.
    """
    reads = {item.name for item in step.reads}
    streams = reads | {item.name for item in step.writes}
    for name in step.parameters:
        if name not in streams:
            raise InterfaceError(
                f"{step.name} has the port {name}: words are recorded of functions with streams "
                "alone"
            )
    is_input = [item in reads for item in step.parameters]
    program = _build(source, bench, _glue(step.name, header, is_input), step.name, include_folders)
    with tempfile.TemporaryDirectory(prefix="openhls_bench_") as name:
        result = Path(name) / "words.txt"
        what = f"test bench of {step.name}"
        run([program, *arguments], what, environment={_VARIABLE: str(result)})
        lines = result.read_text(encoding="ascii").splitlines() if result.exists() else []
    if len(lines) != len(step.parameters) + 1:
        raise ToolError(f"{bench} never calls {step.name}")
    words = dict(zip(step.parameters, map(numbers, lines)))
    steps = int(lines[-1])
    return BenchWords(
        {item.name: words[item.name] for item in step.reads},
        {item.name: words[item.name] for item in step.writes},
        steps,
    )


def _build(source: Path, bench: Path, glue: str, top: str, include_folders: Sequence[Path]) -> Path:
    """The bench with the recorder; kept in the cache, as is the object of the source."""
    compiler = host_compiler()
    includes = [f"-I{item}" for item in (*include_folders, CPP_FOLDER)]
    renamed = f"-D{top}={top}{_RECORDED}"

    def read(file: Path, *options: str) -> bytes:
        return preprocess(compiler, [*_FLAGS, *includes, *options], file)

    def compile_to(target: Path, *what: object) -> None:
        command = [*compiler.command, *_FLAGS, *includes, *what, "-o", target]
        run(command, f"{compiler.name} on {what[-1]}", CompileError)

    def build_source(folder: Path) -> None:
        compile_to(folder / "source.o", "-c", source)
        check_unchanged(source, source_text, read(source))

    def build_program(folder: Path) -> None:
        compiled = cached("bench_source", [*key, source_text], build_source)
        (folder / "recorder.cpp").write_text(glue, encoding="utf-8")
        compile_to(folder / "bench.o", renamed, "-c", bench)
        objects = (compiled / "source.o", folder / "bench.o")
        compile_to(folder / "bench", *objects, folder / "recorder.cpp")
        check_unchanged(bench, bench_text, read(bench, renamed))
        check_unchanged(bench, glue_text, read(folder / "recorder.cpp"))

    key = [compiler.identity, *_FLAGS]
    source_text, bench_text = read(source), read(bench, renamed)
    with tempfile.TemporaryDirectory(prefix="openhls_") as name:
        recorder = Path(name) / "recorder.cpp"
        recorder.write_text(glue, encoding="utf-8")
        glue_text = read(recorder)
    return cached("bench", [*key, source_text, bench_text, glue_text], build_program) / "bench"


def _glue(top: str, header: str, is_input: Sequence[bool]) -> str:
    """What stands between bench and function."""
    function = f"decltype({top})"
    names = [f"stream_{index}" for index in range(len(is_input))]
    parameters = ", ".join(
        f"openhls::Parameter<{index}, {function}> {name}" for index, name in enumerate(names)
    )
    flags = ", ".join("true" if item else "false" for item in is_input)
    return (
        f'#include <cstdlib>\n#include "{header}"\n#include "{_RECORDER}"\n'
        f'extern "C" void {top}{_RECORDED}({parameters}) {{\n'
        f"    static openhls::RecorderOf<{function}>::type recorder(\n"
        f'        std::getenv("{_VARIABLE}"), {{{flags}}});\n'
        f"    recorder.step({top}, {', '.join(names)});\n}}\n"
    )
