# SPDX-License-Identifier: Apache-2.0
"""The integer vision engine beside PyTorch, ONNX Runtime and OpenVINO, in one run.

    python -m venv build/peers
    build/peers/bin/pip install torch onnx onnxruntime openvino nncf   # each of them may be missing
    python -m benchmarks.ivit_speed --model deit-tiny deit-small --batch 1 8 --threads 1 2

Every engine has a process of its own and they take turns, round by round, so a disturbance hits all
of them; figures are medians of the rounds, ratios are of medians. Weights are random: time depends
on the shapes alone. On a machine that does other things besides, processor time (of all threads
together, those that wait included) says more than the clock. ONNX Runtime quantises statically
(QDQ); OpenVINO runs that file, too, and one that NNCF quantised.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.compare_peers import (
    PEERS_PYTHON,
    REST_SECONDS,
    Competitor,
    has_package,
    machine,
    workers,
)
from testing.peer_figures import OURS
from testing.repository import ROOT
from tritforge.ivit.shape import PRESETS, preset
from tritforge.whole_file import write_whole_text

#: The model of OpenVINO's own post-training quantisation, in the folder of the ONNX files.
NNCF_FILE = "nncf.xml"


@dataclasses.dataclass(frozen=True)
class Figures:
    """One engine with one model, batch and number of threads; medians of the rounds.

    Attributes:
        milliseconds, processor_milliseconds: of an image.
        slowest, fastest: milliseconds of an image, of the rounds.
        ratio, processor_ratio: how many times as fast as it this engine is.
        multiply_adds: int8 multiply-adds per cycle in the products alone, of this engine.
    """

    model: str
    batch: int
    threads: int
    name: str
    milliseconds: float
    slowest: float
    fastest: float
    processor_milliseconds: float
    ratio: float
    processor_ratio: float
    peak_bytes: int
    multiply_adds: float | None = None


def competitors(model: str, batch: int, threads: int, folder: Path) -> list[Competitor]:
    """Everybody who takes part, this engine first."""
    common = {"threads": threads, "batch": batch}
    shape = dataclasses.asdict(preset(model))
    result = [
        Competitor(OURS, "vision_tritforge", {"model": model, **common}, 1.0),
        Competitor("PyTorch float32", "vision_torch", {"shape": shape, **common}, 1.0, "torch"),
    ]
    for name, package in (("ONNX Runtime", "onnxruntime"), ("OpenVINO", "openvino")):
        for kind in ("float32", "int8"):
            options = {"model": str(folder / model / f"{kind}.onnx"), **common}
            result.append(Competitor(f"{name} {kind}", f"vision_{package}", options, 1.0, package))
    options = {"model": str(folder / model / NNCF_FILE), **common}
    result.append(Competitor("OpenVINO int8, NNCF", "vision_openvino", options, 1.0, "openvino"))
    return result


def write_models(model: str, folder: Path, peers_python: Path) -> None:
    """Write the files of the peers that do not exist yet."""
    here = folder / model
    program = [str(peers_python), "-m"]
    if not (here / "int8.onnx").exists() and has_package(peers_python, "onnxruntime"):
        shape = json.dumps(dataclasses.asdict(preset(model)))
        command = [*program, "benchmarks.peers.vision_onnx", shape, "-o", str(here)]
        subprocess.run(command, check=True, cwd=ROOT)
    source, output = here / "float32.onnx", here / NNCF_FILE
    if source.exists() and not output.exists() and has_package(peers_python, "nncf"):
        command = [*program, "benchmarks.peers.vision_nncf", str(source), "-o", str(output)]
        subprocess.run(command, check=True, cwd=ROOT)


def measure(model: str, batch: int, threads: int, options: argparse.Namespace) -> list[Figures]:
    """Measure in rounds in which every engine has a turn."""
    taking_part = []
    for item in competitors(model, batch, threads, options.folder):
        file = (
            Path(item.options["model"]) if item.name != OURS and "model" in item.options else None
        )
        if item.needs is not None and not has_package(options.peers_python, item.needs):
            print(f"{item.name} is left out: {item.needs} is not installed", file=sys.stderr)
        elif file is not None and not file.exists():
            print(
                f"{item.name} is left out: {file} is made with onnx, onnxruntime and nncf",
                file=sys.stderr,
            )
        else:
            taking_part.append(item)
    clocks: dict[str, list[float]] = {item.name: [] for item in taking_part}
    processors: dict[str, list[float]] = {item.name: [] for item in taking_part}
    peaks: dict[str, int] = {}
    products = []
    with workers(options.peers_python, taking_part) as running:
        bar = tqdm(
            total=options.rounds * len(running),
            desc=f"{model}, batch {batch}, {threads} threads",
            unit="turn",
            disable=None,
        )
        for _ in range(options.rounds):
            for worker in running:
                bar.set_postfix_str(worker.name)
                worker.call("classify")  # brings the weights back into the caches
                clock, processor = worker.call("classify")
                clocks[worker.name].append(clock)
                processors[worker.name].append(processor)
                if worker.name == OURS:
                    products.append(worker.call("products"))
                peaks[worker.name] = worker.peak_bytes
                time.sleep(REST_SECONDS)
                bar.update()
        bar.close()

    def median(values: Sequence[float]) -> float:
        return 1e3 * statistics.median(values) / batch

    ours = median(clocks[OURS]), median(processors[OURS])
    return [
        Figures(
            model,
            batch,
            threads,
            name,
            milliseconds=median(clock),
            slowest=1e3 * max(clock) / batch,
            fastest=1e3 * min(clock) / batch,
            processor_milliseconds=median(processors[name]),
            ratio=median(clock) / ours[0],
            processor_ratio=median(processors[name]) / ours[1],
            peak_bytes=peaks[name],
            multiply_adds=statistics.median(products) if name == OURS else None,
        )
        for name, clock in clocks.items()
    ]


def report(rows: Sequence[Figures]) -> str:
    """A table, and below it the multiply-adds per cycle."""
    lines = [
        "model       batch  threads  engine                 ms per image (rounds)         ours is"
        "   processor ms   ours is      peak"
    ]
    for row in rows:
        rounds = f"({row.fastest:.1f} - {row.slowest:.1f})"
        lines.append(
            f"{row.model:<13} {row.batch:>3}  {row.threads:>7}  {row.name:<20} "
            f"{row.milliseconds:>8.1f} {rounds:<20} {row.ratio:>6.2f} x  "
            f"{row.processor_milliseconds:>13.1f}  {row.processor_ratio:>6.2f} x  "
            f"{row.peak_bytes / 1e6:>5.0f} MB"
        )
    for row in rows:
        if row.multiply_adds is not None:
            lines.append(
                f"{row.model}: {row.multiply_adds:.1f} int8 multiply-adds per cycle in the products"
            )
    return "\n".join(lines)


def parse_arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--model", choices=tuple(PRESETS), nargs="+", default=["deit-tiny", "deit-small"]
    )
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8], metavar="N")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--rounds", type=int, default=7, help="(default: %(default)s)")
    parser.add_argument(
        "--peers-python",
        type=Path,
        default=PEERS_PYTHON if PEERS_PYTHON.exists() else Path(sys.executable),
        help="interpreter that has the peers (default: %(default)s)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=ROOT / "build" / "bench" / "vision",
        help="ONNX files stay there (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


def main() -> None:
    """Entry point."""
    options = parse_arguments()
    rows: list[Figures] = []
    for model in options.model:
        write_models(model, options.folder, options.peers_python)
        for batch in options.batch:
            for threads in options.threads:
                measured = measure(model, batch, threads, options)
                print(report(measured), flush=True)
                rows += measured
    if options.json is not None:
        values: dict[str, Any] = {
            "machine": machine(),
            "rows": [dataclasses.asdict(row) for row in rows],
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        write_whole_text(options.json, json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
