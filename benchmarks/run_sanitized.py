# SPDX-License-Identifier: Apache-2.0
"""Run the engine's tests under sanitizers.

    python -m benchmarks.run_sanitized                      # addresses and undefined behaviour
    python -m benchmarks.run_sanitized --sanitizer threads  # data races

Builds the extension with AddressSanitizer and UndefinedBehaviorSanitizer, or with ThreadSanitizer,
into a build folder and runs tests/engine, or those of its tests that concern threads, on it. Ends
with an exit status above 0 if a test fails or a sanitizer finds anything.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testing.repository import ROOT


@dataclass(frozen=True)
class Sanitizer:
    """How to build with a sanitizer and run under it.

    Attributes:
        configure: arguments of CMake.
        libraries: in the order in which the loader must see them; names of GCC and of Clang.
        environment: options of the sanitizer's run time, and what else it needs.
        tests: which tests to run.
    """

    configure: tuple[str, ...]
    libraries: tuple[tuple[str, ...], ...]
    environment: dict[str, str]
    tests: tuple[str, ...]


SANITIZERS = {
    "memory": Sanitizer(
        configure=("--preset", "sanitize"),
        libraries=(("libasan.so", "libclang_rt.asan.so"), ("libubsan.so",)),
        environment={
            # Python itself keeps memory until it exits, which is no leak of the engine.
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "PYTHONMALLOC": "malloc",
        },
        tests=("tests/engine",),
    ),
    "threads": Sanitizer(
        configure=(
            *("--preset", "extension", "-DCMAKE_BUILD_TYPE=RelWithDebInfo"),
            "-DTRITFORGE_SANITIZE_THREADS=ON",
        ),
        libraries=(("libtsan.so", "libclang_rt.tsan.so"),),
        # Neither NumPy's own threads are built for it, nor does it know forks (test_context.py).
        environment={"TSAN_OPTIONS": "exitcode=66", "OPENBLAS_NUM_THREADS": "1"},
        tests=tuple(f"tests/engine/test_{name}.py" for name in ("threads", "lanes")),
    ),
}


def build(sanitizer: Sanitizer, folder: Path) -> Path:
    """Build the sanitized extension in `folder`; returns the folder that holds it."""
    configure = ["cmake", *sanitizer.configure, f"-DPython_EXECUTABLE={sys.executable}"]
    subprocess.run([*configure, "-B", str(folder)], cwd=ROOT, check=True)
    subprocess.run(["cmake", "--build", str(folder), "-j", "2"], check=True)
    return folder / "engine"


def runtime_libraries(sanitizer: Sanitizer, folder: Path) -> list[str]:
    """Sanitizer libraries that must be loaded before Python, found through the compiler used."""
    cache = (folder / "CMakeCache.txt").read_text()
    match = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.+)$", cache, re.MULTILINE)
    assert match is not None, "CMake writes the compiler into every cache"
    libraries = []
    for names in sanitizer.libraries:
        for name in names:
            command = [match[1], f"-print-file-name={name}"]
            path = subprocess.run(
                command, capture_output=True, text=True, check=True
            ).stdout.strip()
            # A compiler that does not have the file prints the bare name.
            if Path(path).is_absolute():
                libraries.append(str(Path(path).resolve()))
                break
    if not libraries:
        raise SystemExit(f"{match[1]} has no sanitizer libraries: install those of your compiler")
    return libraries


def run_tests(
    sanitizer: Sanitizer, extension: Path, libraries: Sequence[str], arguments: Sequence[str]
) -> int:
    """Run the tests on the extension in that folder; returns the exit status."""
    environment = {
        **os.environ,
        **sanitizer.environment,
        "TRITFORGE_ENGINE_DIRECTORY": str(extension),
        "LD_PRELOAD": ":".join(libraries),
        "PYTHONPATH": str(ROOT),
    }
    # Captured by file descriptor, a report would be lost when the process aborts.
    options = ["-p", "no:cacheprovider", "--capture=sys", *arguments]
    command = [sys.executable, "-m", "pytest", *options, *sanitizer.tests]
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Run the engine's tests under a sanitizer.")
    parser.add_argument(
        "--sanitizer", choices=SANITIZERS, default="memory", help="default: %(default)s"
    )
    parser.add_argument("--build", type=Path, help="build folder (default: one below build/)")
    options, arguments = parser.parse_known_args()
    sanitizer = SANITIZERS[options.sanitizer]
    folder = options.build or ROOT / "build" / f"sanitize-{options.sanitizer}"
    extension = build(sanitizer, folder)
    return run_tests(sanitizer, extension, runtime_libraries(sanitizer, folder), arguments)


if __name__ == "__main__":
    raise SystemExit(main())
