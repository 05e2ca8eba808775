# SPDX-License-Identifier: Apache-2.0
"""Run the engine's tests under AddressSanitizer and UndefinedBehaviorSanitizer.

    python benchmarks/run_sanitized.py

Builds the CMake preset `sanitize` into a build folder and runs tests/engine on that extension. Ends
with the exit status of pytest; a finding of a sanitizer aborts the run.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: In the order in which the loader must see them; names of GCC and of Clang.
RUNTIME_LIBRARIES = (("libasan.so", "libclang_rt.asan.so"), ("libubsan.so", None))


def build(folder: Path) -> Path:
    """Build the sanitized extension in `folder`; returns the folder that holds it."""
    configure = ["cmake", "--preset", "sanitize", f"-DPython_EXECUTABLE={sys.executable}"]
    subprocess.run([*configure, "-B", str(folder)], cwd=ROOT, check=True)
    subprocess.run(["cmake", "--build", str(folder), "-j", "2"], check=True)
    return folder / "engine"


def runtime_libraries(folder: Path) -> list[str]:
    """Sanitizer libraries that must be loaded before Python, found through the compiler used."""
    cache = (folder / "CMakeCache.txt").read_text()
    match = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.+)$", cache, re.MULTILINE)
    assert match is not None, "CMake writes the compiler into every cache"
    libraries = []
    for names in RUNTIME_LIBRARIES:
        for name in filter(None, names):
            command = [match[1], f"-print-file-name={name}"]
            path = subprocess.run(
                command, capture_output=True, text=True, check=True
            ).stdout.strip()
            # A compiler that does not have the file prints the bare name.
            if Path(path).is_absolute():
                libraries.append(str(Path(path).resolve()))
                break
    if not libraries:
        raise SystemExit(f"{match[1]} has no sanitizer libraries: install libasan of your compiler")
    return libraries


def run_tests(extension: Path, libraries: Sequence[str], arguments: Sequence[str]) -> int:
    """Run tests/engine on the extension in that folder; returns the exit status."""
    environment = {
        **os.environ,
        "TRITFORGE_ENGINE_DIRECTORY": str(extension),
        "LD_PRELOAD": ":".join(libraries),
        # Python itself keeps memory until it exits, which is no leak of the engine.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(ROOT),
    }
    # Captured by file descriptor, a report would be lost when the process aborts.
    options = ["-p", "no:cacheprovider", "--capture=sys", *arguments]
    command = [sys.executable, "-m", "pytest", *options, "tests/engine"]
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Run the engine's tests under the sanitizers.")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "sanitize")
    options, arguments = parser.parse_known_args()
    extension = build(options.build)
    return run_tests(extension, runtime_libraries(options.build), arguments)


if __name__ == "__main__":
    raise SystemExit(main())
