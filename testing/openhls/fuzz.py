# SPDX-License-Identifier: Apache-2.0
"""Compares random kernels: g++ against the translation, and some of them against Verilated RTL.

Kernels are compiled in batches, one file for each compiler; the Verilated ones of a batch stand
side by side in one module.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codegen.openhls import rules
from codegen.openhls.errors import CompileError, StyleError
from codegen.openhls.flow import Design, build_design, default_includes
from codegen.openhls.frontend.clang import compile_to_llvm
from codegen.openhls.frontend.llvm_parser import parse_module
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.drivers import CPP_FOLDER, numbers, words_text
from codegen.openhls.simulate.interpreter import Run, StepInterpreter
from codegen.openhls.simulate.proof import ProofError, check_rtl
from codegen.openhls.simulate.rtl_simulation import build_rtl_simulation
from codegen.openhls.step import Step
from codegen.openhls.system import host_compiler, run
from codegen.openhls.translate.top import translate
from codegen.openhls.xls.connect import connect
from codegen.openhls.xls.wrapper import library_module
from testing.openhls.random_kernel import HEADERS, random_kernel, widths_of_batch
from testing.openhls.words import corner_words

_STEPS = 60
_STALLS = (0, 50)


@dataclass(frozen=True)
class FuzzResult:
    """What a batch compared; `failures` name seed and difference.

    Attributes:
        kernels: without those that clang finds to leave a stream unused.
        words: that left the kernels.
    """

    kernels: int
    verilated: int
    words: int
    failures: tuple[str, ...]


@dataclass
class _Batch:
    """Kernels that agreed so far and are to be Verilated together."""

    designs: list[Design] = field(default_factory=list)
    words: dict[str, list[int]] = field(default_factory=dict)
    run: Run = field(default_factory=Run)

    def add(self, design: Design, words: dict[str, list[int]], run_: Run) -> None:
        """One kernel more; its streams and ports get its name in front, as `connect` does."""
        top = design.manifest.top
        self.designs.append(design)
        self.words.update({f"{top}_{name}": values for name, values in words.items()})
        self.run.steps = max(self.run.steps, run_.steps)
        for kind in ("outputs", "output_steps", "left", "ports"):
            of_one: dict[str, object] = getattr(run_, kind)
            getattr(self.run, kind).update({f"{top}_{n}": item for n, item in of_one.items()})

    def check(self) -> None:
        """Compare the RTL of all of them with what their translations gave."""
        wires, manifest = connect("batch", [item.manifest for item in self.designs], [])
        library = sorted({name for item in self.designs for name in item.library})
        texts = [*map(library_module, library), *(item.modules for item in self.designs), wires]
        rtl = build_rtl_simulation("\n".join(texts), manifest)
        expected = {**self.run.outputs, **{name: [v] for name, v in self.run.ports.items()}}
        for percent in _STALLS:
            check_rtl(rtl, self.words, self.run, expected, percent)


def fuzz_batch(seeds: Sequence[int], verilated: int, folder: Path) -> FuzzResult:
    """Compare the kernels of some seeds, the first `verilated` suitable ones in RTL too."""
    source = folder / f"kernels_{seeds[0]}.cpp"
    includes = "".join(f'#include "{name}"\n' for name in HEADERS)
    widths = widths_of_batch(seeds[0])
    text = "".join(random_kernel(f"kernel_{seed}", seed, widths) for seed in seeds)
    source.write_text(includes + text, encoding="utf-8")
    program = _build_all(source, seeds, folder)
    module = parse_module(compile_to_llvm(source, default_includes()))
    failures, words, unused, batch = [], 0, 0, _Batch()
    for seed in seeds:
        try:
            step = translate(module, f"kernel_{seed}")
            given = _words(step, seed)
            inputs = {item.name: given[item.name][0] for item in step.inputs}
            streams = {item.name: given[item.name] for item in step.reads}
            result = StepInterpreter(step).run(streams, inputs, _STEPS)
            _c_simulation(program, step, seed, given, result, folder)
            words += sum(map(len, result.outputs.values()))
            if len(batch.designs) < verilated and result.steps < _STEPS:
                stages = (3 if step.rams else 1) + seed % 3
                batch.add(build_design(step, Manifest(step.name, stages)), given, result)
        except StyleError as error:
            # A condition that is always false leaves a stream unused, which is reported rightly.
            if error.rule is rules.UNUSED_STREAM:
                unused += 1
            else:
                failures.append(f"seed {seed}: {error}")
        except Exception as error:  # whatever it is, the seed is what matters
            failures.append(f"seed {seed}: {type(error).__name__}: {error}")
    if batch.designs:
        try:
            batch.check()
        except Exception as error:
            failures.append(f"RTL of seeds from {seeds[0]}: {type(error).__name__}: {error}")
    return FuzzResult(len(seeds) - unused, len(batch.designs), words, tuple(failures))


def _words(step: Step, seed: int) -> dict[str, list[int]]:
    source = random.Random(seed)
    words = {read.name: corner_words(source, read.width, _STEPS - 10) for read in step.reads}
    words.update({item.name: corner_words(source, item.width, 1) for item in step.inputs})
    return words


def _build_all(source: Path, seeds: Sequence[int], folder: Path) -> Path:
    cases = "\n".join(
        f"    if (which == {seed}) return openhls::run(&kernel_{seed}, argc - 1, argv);"
        for seed in seeds
    )
    main = folder / f"main_{seeds[0]}.cpp"
    main.write_text(
        f'#include "{source}"\n#include "csim_driver.hpp"\n'
        "int main(int argc, char** argv) {\n    const long which = atol(argv[5]);\n"
        f"{cases}\n    return 5;\n}}\n",
        encoding="utf-8",
    )
    program = folder / f"csim_{seeds[0]}"
    includes = [f"-I{item}" for item in (*default_includes(), CPP_FOLDER)]
    # Without optimisation, forced inlining takes most of the compiler's time.
    command = [
        *host_compiler().command,
        "-std=c++17",
        "-O0",
        "-w",
        "-DAP_SHIM_INLINE=inline",
        *includes,
    ]
    run([*command, main, "-o", program], f"g++ on {source.name}", CompileError)
    return program


def _c_simulation(
    program: Path,
    step: Step,
    seed: int,
    words: dict[str, list[int]],
    result: Run,
    folder: Path,
) -> None:
    given, written = folder / "in.txt", folder / "out.txt"
    given.write_text(words_text(step.parameters, words), encoding="ascii")
    run([program, given, written, result.steps, 0, seed], f"C-simulation of seed {seed}")
    lines = written.read_text(encoding="ascii").splitlines()
    expected = {name: numbers(line) for name, line in zip(step.parameters, lines)}
    found = {**result.outputs, **{name: [value] for name, value in result.ports.items()}}
    for name, values in found.items():
        if values != expected[name]:
            raise ProofError(f"{name}: XLS gives {values}, g++ {expected[name]}")
    for name, left in result.left.items():
        if left != len(expected[name]):
            raise ProofError(f"{name}: XLS leaves {left} words, g++ {len(expected[name])}")
