# SPDX-License-Identifier: Apache-2.0
"""Saturations that the C++ engine or the golden model counts in silence: a test must notice each.

python -m benchmarks.engine_faults [--only TEXT] [--json]

The faults: testing/faults/engine.py. How they are tried: benchmarks/seeded_faults.py. The engine is
built in the copy, once as a whole (minutes) and then file by file.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.seeded_faults import main
from testing.faults.engine import FAULTS
from testing.faults.fault import BrokenFaultError


def build_engine(project: Path) -> dict[str, str]:
    """Build the extension of a copy of the project; what the tests' environment needs to load it.

    Raises:
        BrokenFaultError: it does not compile.
    """
    folder = project / "build"
    configure = ["cmake", "--preset", "extension", f"-DPython_EXECUTABLE={sys.executable}"]
    for command in ([*configure, "-B", str(folder)], ["cmake", "--build", str(folder), "-j", "2"]):
        result = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        if result.returncode:
            raise BrokenFaultError(f"the engine was not built: {result.stderr[-2000:]}")
    return {"TRITFORGE_ENGINE_DIRECTORY": str(folder / "engine")}


if __name__ == "__main__":
    sys.exit(main("engine_faults", FAULTS, prepare=build_engine))
