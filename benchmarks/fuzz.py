# SPDX-License-Identifier: Apache-2.0
"""Fuzzer of model images, checkpoints and pictures.

python -m benchmarks.fuzz [--images 20000] [--kind language-model] [--kind ivit] [--headers 1000]
    [--pictures 2000] [--seed 0] [--engine auto|require|skip] [--sanitize] [--time-limit 20]
    [--save DIR]

Every case runs in a worker process under a time limit, so crashes of native code and hangs are
counted too. Exits with 1 if a case crashed, hung, or was accepted silently; such cases are saved.

With --sanitize the engine is built with AddressSanitizer and UndefinedBehaviorSanitizer first. By
hand that is `cmake --preset sanitize`, `cmake --build --preset sanitize`, then
`TRITFORGE_ENGINE_DIRECTORY=build/sanitize/engine ASAN_OPTIONS=detect_leaks=0
LD_PRELOAD=$(gcc -print-file-name=libasan.so) python -m benchmarks.fuzz --engine require`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.run_sanitized import SANITIZERS, build, runtime_libraries
from testing.fuzzing.cases import FAILURES
from testing.fuzzing.workers import (
    ENGINE_DIRECTORY,
    IMAGE_TARGETS,
    MakeCheckpoints,
    MakeImages,
    MakePictures,
    MakeTarget,
    engine_runs,
    run_cases,
    select_engine,
)
from testing.repository import ROOT
from tritforge.errors import TritforgeError
from tritforge.ivit.image import IVIT

SANITIZED_BUILD = ROOT / "build" / "sanitize-memory"


def sanitized_environment() -> dict[str, str]:
    """Build the engine with sanitizers; returns the environment that uses it."""
    try:
        extension = build(SANITIZERS["memory"], SANITIZED_BUILD)
        libraries = runtime_libraries(SANITIZERS["memory"], SANITIZED_BUILD)
    except FileNotFoundError as error:
        raise TritforgeError(f"{error.filename} is missing: pip install cmake ninja") from None
    except subprocess.CalledProcessError as error:
        raise TritforgeError(f"{' '.join(error.cmd)} failed; its messages are above") from None
    return {
        **os.environ,
        ENGINE_DIRECTORY: str(extension),
        "LD_PRELOAD": ":".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }


def parse_arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description="Mutate model images, checkpoints and pictures; nothing may crash, hang or "
        "pass unseen."
    )
    parser.add_argument(
        "--images", type=int, default=20_000, help="image cases of each kind (20000)"
    )
    parser.add_argument(
        "--kind", action="append", choices=IMAGE_TARGETS, help="kinds of images (all)"
    )
    parser.add_argument("--headers", type=int, default=1_000, help="checkpoint cases (1000)")
    parser.add_argument("--pictures", type=int, default=2_000, help="picture cases (2000)")
    parser.add_argument("--seed", type=int, default=0, help="cases depend on it and their number")
    parser.add_argument(
        "--engine",
        choices=("auto", "require", "skip"),
        default="auto",
        help="compare the C++ engine with the golden model: if it is there, always, never",
    )
    parser.add_argument("--sanitize", action="store_true", help="build the engine with sanitizers")
    parser.add_argument("--time-limit", type=float, default=20.0, help="seconds per case (20)")
    parser.add_argument("--save", type=Path, default=Path("fuzz-failures"), help="failing cases")
    arguments = parser.parse_args()
    for name in ("images", "headers", "pictures", "seed"):
        if getattr(arguments, name) < 0:
            parser.error(f"--{name} must not be negative")
    if arguments.time_limit <= 0:
        parser.error("--time-limit must be positive")
    return arguments


def main() -> int:
    """Run all series; returns the exit status."""
    arguments = parse_arguments()
    try:
        if arguments.sanitize:
            rest = [item for item in sys.argv[1:] if item != "--sanitize"]
            command = [sys.executable, "-m", "benchmarks.fuzz", *rest, "--engine", "require"]
            os.execve(sys.executable, command, sanitized_environment())
        found = select_engine()
        if arguments.engine == "require" and not found:
            raise TritforgeError("--engine require: the C++ engine is not installed")
        with_engine = found and arguments.engine != "skip"
        started = time.perf_counter()
        lines, failures = [], 0
        series: list[tuple[str, MakeTarget, int]] = []
        for kind in arguments.kind or IMAGE_TARGETS:
            make = MakeImages(kind, arguments.seed, with_engine and engine_runs(kind))
            series.append((f"{kind} images", make, arguments.images))
        series.append(("checkpoints", MakeCheckpoints(arguments.seed), arguments.headers))
        pictures = MakePictures(arguments.seed, with_engine and engine_runs(IVIT.name))
        series.append(("pictures", pictures, arguments.pictures))
        for title, target, count in series:
            summary = run_cases(target, count, arguments.time_limit, arguments.save, title)
            lines += summary.lines(title)
            failures += sum(summary.outcomes[item] for item in FAILURES)
    except TritforgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    engine = "C++ engine compared" if with_engine else "golden model only"
    lines.append(f"{engine}; {failures} failures; {time.perf_counter() - started:.0f} s")
    print("\n".join(lines))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
