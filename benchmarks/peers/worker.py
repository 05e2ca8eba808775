# SPDX-License-Identifier: Apache-2.0
"""Process of one engine: a line of JSON asks for a measurement, a line of JSON answers.

    python -m benchmarks.peers.worker llama_cpp '{"model": "x.gguf", "threads": 1}'

{"call": "decode", "tokens": 32} -> {"result": seconds, "peak_bytes": ...}
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import IO, Any, Protocol


class Engine(Protocol):
    """What a module of this package offers as `open_engine(**options)`."""

    def decode(self, tokens: int) -> float:
        """Seconds to generate `tokens`, greedy, after a short prompt that is not counted."""

    def prefill(self, tokens: int) -> float:
        """Seconds to read a prompt of `tokens` from the empty context."""


def peak_bytes() -> int:
    """Peak resident memory of this process (Linux; elsewhere 0)."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return (
        int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) << 10
    )


def serve(engine: Engine, answers: IO[str]) -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        result = getattr(engine, request.pop("call"))(**request)
        print(json.dumps({"result": result, "peak_bytes": peak_bytes()}), file=answers, flush=True)


def main() -> None:
    """Entry point."""
    name, options = sys.argv[1], json.loads(sys.argv[2])
    # Libraries that print must not spoil the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    engine = importlib.import_module(f"benchmarks.peers.{name}").open_engine(**options)
    print(json.dumps({"result": None, "peak_bytes": peak_bytes()}), file=answers, flush=True)
    serve(engine, answers)


if __name__ == "__main__":
    main()
