# SPDX-License-Identifier: Apache-2.0
"""Compares random kernels: g++ against the translation, and some of them against Verilated RTL.

Kernels are compiled in batches: starting a compiler takes longer than compiling one of them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.openhls import rules
from codegen.openhls.clang import compile_to_llvm
from codegen.openhls.csim import numbers, words_text
from codegen.openhls.errors import CompileError, StyleError
from codegen.openhls.flow import build_design, default_includes
from codegen.openhls.interpreter import Run, StepInterpreter
from codegen.openhls.llvm_parser import parse_module
from codegen.openhls.manifest import Manifest
from codegen.openhls.proof import ProofError, check_rtl
from codegen.openhls.step import Step
from codegen.openhls.system import CPP_FOLDER, gxx, run
from codegen.openhls.translate import translate
from codegen.openhls.verilate import build_rtl_simulation
from tests.openhls.random_kernel import random_kernel
from tests.openhls.words import corner_words

_STEPS = 60
_STALLS = (0, 50)


@dataclass(frozen=True)
class FuzzResult:
    """What a batch compared; `failures` name seed and difference.

    Attributes:
        kernels: without those that clang finds to leave a stream unused.
    """

    kernels: int
    verilated: int
    words: int
    failures: tuple[str, ...]


def fuzz_batch(seeds: Sequence[int], verilated: int, folder: Path) -> FuzzResult:
    """Compare the kernels of some seeds, the first `verilated` suitable ones in RTL too."""
    source = folder / f"kernels_{seeds[0]}.cpp"
    text = "".join(random_kernel(f"kernel_{seed}", seed) for seed in seeds)
    source.write_text(f'#include "ap_int.h"\n#include "hls_stream.h"\n{text}', encoding="utf-8")
    program = _build_all(source, seeds, folder)
    module = parse_module(compile_to_llvm(source, default_includes()))
    failures, words, in_rtl, unused = [], 0, 0, 0
    for seed in seeds:
        try:
            step = translate(module, f"kernel_{seed}")
            given = _words(step, seed)
            result = StepInterpreter(step).run(given, {}, _STEPS)
            expected = _c_simulation(program, step, seed, given, result, folder)
            words += sum(map(len, result.outputs.values()))
            if in_rtl < verilated and result.steps < _STEPS:
                _check_rtl(step, given, result, expected, 1 + seed % 3)
                in_rtl += 1
        except StyleError as error:
            # A condition that is always false leaves a stream unused, which is reported rightly.
            if error.rule is rules.UNUSED_STREAM:
                unused += 1
            else:
                failures.append(f"seed {seed}: {error}")
        except Exception as error:  # whatever it is, the seed is what matters
            failures.append(f"seed {seed}: {type(error).__name__}: {error}")
    return FuzzResult(len(seeds) - unused, in_rtl, words, tuple(failures))


def _words(step: Step, seed: int) -> dict[str, list[int]]:
    source = random.Random(seed)
    return {read.name: corner_words(source, read.width, _STEPS - 10) for read in step.reads}


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
    command = [gxx(), "-std=c++17", "-O0", "-w", *includes, main, "-o", program]
    run(command, f"g++ on {source.name}", CompileError)
    return program


def _c_simulation(
    program: Path,
    step: Step,
    seed: int,
    words: dict[str, list[int]],
    result: Run,
    folder: Path,
) -> dict[str, list[int]]:
    given, written = folder / "in.txt", folder / "out.txt"
    given.write_text(words_text(step.parameters, words), encoding="ascii")
    run([program, given, written, result.steps, 0, seed], f"C-simulation of seed {seed}")
    lines = written.read_text(encoding="ascii").splitlines()
    expected = {name: numbers(line) for name, line in zip(step.parameters, lines)}
    for name, found in result.outputs.items():
        if found != expected[name]:
            raise ProofError(f"{name}: XLS gives {found}, g++ {expected[name]}")
    for name, left in result.left.items():
        if left != len(expected[name]):
            raise ProofError(f"{name}: XLS leaves {left} words, g++ {len(expected[name])}")
    return expected


def _check_rtl(
    step: Step,
    words: dict[str, list[int]],
    result: Run,
    expected: dict[str, list[int]],
    stages: int,
) -> None:
    design = build_design(step, Manifest(step.name, stages))
    rtl = build_rtl_simulation(design.system_verilog, design.manifest)
    for percent in _STALLS:
        check_rtl(rtl, words, result, expected, percent)
