# SPDX-License-Identifier: Apache-2.0
"""This engine's int8 matrix products beside those of PyTorch's and ONNX Runtime's libraries.

    python -m venv build/peers
    build/peers/bin/pip install torch onnx onnxruntime
    python -m benchmarks.int8_products [--model deit-tiny] [--rounds 7]

The linear layers of a model on one thread, in rounds in which every library has a turn; figures are
medians of processor time. A library that is to take the place of the engine's own products must
give exact sums: the last column is the share of results of random int8 numbers that are not exact.
The engine's own are compared with NumPy by its tests.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
from pathlib import Path

from tqdm import tqdm

from benchmarks.compare_peers import PEERS_PYTHON, Competitor, has_package, workers
from testing.peer_figures import OURS
from tritforge.ivit.shape import PRESETS, preset

LIBRARIES = ("oneDNN, sums", "MLAS, sums", "MLAS uint8, sums", "FBGEMM", "oneDNN", "QNNPACK")


def competitors(model: str) -> list[Competitor]:
    """Everybody who takes part, this engine first."""
    shape = dataclasses.asdict(preset(model))
    own = {"model": model, "threads": 1, "batch": 1}
    return [Competitor(OURS, "vision_tritforge", own, 1.0)] + [
        Competitor(name, "int8_products", {"library": name, "shape": shape}, 1.0, "torch")
        for name in LIBRARIES
    ]


def measure(model: str, rounds: int, python: Path) -> list[str]:
    """Lines of a table."""
    wanted = competitors(model)
    if not all(has_package(python, name) for name in ("torch", "onnx", "onnxruntime")):
        print(f"{python} has no torch, onnx or onnxruntime: the libraries are left out")
        wanted = wanted[:1]
    rates: dict[str, list[float]] = {item.name: [] for item in wanted}
    cycles, wrong = [], {OURS: 0.0}
    with (
        workers(python, wanted) as running,
        tqdm(total=rounds * len(wanted), desc=model, unit="turn", disable=None) as bar,
    ):
        for round_number in range(rounds):
            for worker in running:
                rates[worker.name].append(worker.call("product_rate"))
                if worker.name == OURS:
                    cycles.append(worker.call("cycle_seconds"))
                elif not round_number:
                    wrong[worker.name] = worker.call("wrong")
                bar.update()
    cycle = statistics.median(cycles)
    own = statistics.median(rates[OURS])
    lines = [f"{model:<18}{'multiply-adds per cycle':>26}{'this engine is':>18}{'not exact':>12}"]
    for name, values in rates.items():
        rate = statistics.median(values)
        lines.append(
            f"{name:<18}{rate * cycle:>26.1f}{own / rate:>16.2f} x{100 * wrong[name]:>10.0f} %"
        )
    return lines


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--model", choices=tuple(PRESETS), nargs="+", default=["deit-tiny"], help="(deit-tiny)"
    )
    parser.add_argument("--rounds", type=int, default=7, help="(default: %(default)s)")
    parser.add_argument(
        "--peers-python",
        type=Path,
        default=PEERS_PYTHON if PEERS_PYTHON.exists() else Path(sys.executable),
        help="interpreter that has the libraries (default: %(default)s)",
    )
    options = parser.parse_args()
    for model in options.model:
        print("\n".join(measure(model, options.rounds, options.peers_python)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
