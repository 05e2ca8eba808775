# SPDX-License-Identifier: Apache-2.0
"""This engine beside llama.cpp and PyTorch on the same shapes, in one run.

    make bench                                       # builds the peers first, once; takes minutes
    python -m benchmarks.compare_peers --shape 370m --threads 1 2

Every engine has a process of its own and they take turns, round by round, so a disturbance hits all
of them; figures are medians of the rounds, ratios are of medians. Weights are random: time and
memory depend on the shapes alone. Measured are greedy decoding with a short context, a prompt of
128 tokens, peak memory, and for this engine the products alone against reading the same bytes.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.random_image import write_random_image
from pynq_driver import _engine
from testing.peer_figures import OURS, Measured, Row, report, rows_of
from testing.repository import ROOT
from tritforge.language_model.config import RELEASED_SHAPES, ModelShape
from tritforge.language_model.convert.random_checkpoint import SMALLEST_VOCABULARY
from tritforge.whole_file import whole_file, write_whole_text

#: Where `make bench` puts the peers.
PEERS_PYTHON = ROOT / "build" / "peers" / "bin" / "python"
PROMPT_TOKENS = 128
PRODUCT_PASSES = 5
#: Threads of an engine that has just been measured may spin for a while.
REST_SECONDS = 0.1
#: Small enough for a test of this script; llama.cpp wants blocks of 256 and heads of 128.
SHAPES = {**RELEASED_SHAPES, "tiny": ModelShape(256, 2, 512, SMALLEST_VOCABULARY)}


@dataclasses.dataclass(frozen=True)
class Competitor:
    """One engine with one number of threads.

    Attributes:
        module: of benchmarks.peers.
        options: of its open_engine.
        speed: rough tokens/s of decoding compared with this engine; sets the tokens of a round.
        needs: package that must be there.
    """

    name: str
    module: str
    options: dict[str, Any]
    speed: float
    needs: str | None = None


class Worker:
    """Process of one engine; see benchmarks.peers.worker."""

    def __init__(self, python: Path, competitor: Competitor) -> None:
        self.name = competitor.name
        command = [str(python), "-m", "benchmarks.peers.worker", competitor.module]
        self._process = subprocess.Popen(
            [*command, json.dumps(competitor.options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.peak_bytes = 0
        try:
            self._answer()
        except BaseException:
            self.close()
            raise

    def call(self, function: str, **arguments: Any) -> Any:
        """Result of one measurement."""
        assert self._process.stdin is not None
        print(json.dumps({"call": function, **arguments}), file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        if self._process.wait(timeout=60):
            print(f"{self.name} ended with {self._process.returncode}", file=sys.stderr)
        self._process.stdout.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of {self.name} has failed: see above")
        answer = json.loads(line)
        self.peak_bytes = answer["peak_bytes"]
        return answer["result"]


def has_package(python: Path, package: str) -> bool:
    """Whether that interpreter can import a package."""
    program = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    return subprocess.run([str(python), "-c", program], check=False).returncode == 0


def competitors(
    shape_name: str, folder: Path, threads: int, with_requantising: bool
) -> list[Competitor]:
    """Everybody who takes part, this engine first."""
    shape = SHAPES[shape_name]
    sizes = dataclasses.asdict(shape)
    result = [
        Competitor(
            OURS,
            "tritforge_engine",
            {"model": str(folder / f"{shape_name}.tritforge"), "threads": threads},
            1.0,
        )
    ]
    for kind, speed in (("TQ2_0", 0.4), ("TQ1_0", 0.3)):
        model = str(folder / f"{shape_name}-{kind}.gguf")
        result.append(
            Competitor(
                f"llama.cpp {kind}",
                "llama_cpp_engine",
                {"model": model, "threads": threads},
                speed,
                "llama_cpp",
            )
        )
    for name, requantise, speed in (
        ("PyTorch float32", False, 0.05),
        ("PyTorch, quantising", True, 0.01),
    ):
        if requantise and not with_requantising:
            continue
        options = {**sizes, "threads": threads, "requantise": requantise}
        result.append(Competitor(name, "torch_engine", options, speed, "torch"))
    return result


def write_models(shape_name: str, folder: Path, peers_python: Path) -> None:
    """Write the model files that do not exist yet."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = SHAPES[shape_name]
    image = folder / f"{shape_name}.tritforge"
    if not image.exists():
        write_random_image(image, shape)
    if not has_package(peers_python, "gguf"):
        return
    for kind in ("TQ2_0", "TQ1_0"):
        path = folder / f"{shape_name}-{kind}.gguf"
        if path.exists():
            continue
        command = [str(peers_python), "-m", "benchmarks.peers.gguf_model", "--type", kind]
        for name, value in dataclasses.asdict(shape).items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        with whole_file(path) as part:
            subprocess.run([*command, "-o", str(part)], check=True, cwd=ROOT)


@contextlib.contextmanager
def workers(peers_python: Path, wanted: Sequence[Competitor]) -> Iterator[list[Worker]]:
    """Start one process per competitor; all of them end with the block."""
    running: list[Worker] = []
    try:
        for competitor in wanted:
            python = Path(sys.executable) if competitor.name == OURS else peers_python
            running.append(Worker(python, competitor))
        yield running
    finally:
        for worker in running:
            worker.close()


def measure(shape_name: str, threads: int, options: argparse.Namespace) -> dict[str, Measured]:
    """Measure one shape in rounds in which every engine has a turn."""
    taking_part = []
    for item in competitors(shape_name, options.folder, threads, options.requantising):
        if item.needs is None or has_package(options.peers_python, item.needs):
            taking_part.append(item)
        else:
            print(f"{item.name} is left out: {item.needs} is not installed", file=sys.stderr)
    results = {item.name: Measured() for item in taking_part}
    with workers(options.peers_python, taking_part) as running:
        bar = tqdm(
            total=options.rounds * len(running),
            desc=f"{shape_name}, {threads} threads",
            unit="turn",
            disable=None,
        )
        for _ in range(options.rounds):
            for item, worker in zip(taking_part, running):
                bar.set_postfix_str(item.name)
                _take_turn(item, worker, results[item.name], options)
                bar.update()
        bar.close()
    return results


def _take_turn(
    item: Competitor, worker: Worker, result: Measured, options: argparse.Namespace
) -> None:
    tokens = max(2, round(options.tokens * item.speed))
    worker.call("decode", tokens=2)  # brings the weights back that the others drove out of caches
    result.decode.append(worker.call("decode", tokens=tokens) / tokens)
    if not item.options.get("requantise"):
        result.prefill.append(worker.call("prefill", tokens=PROMPT_TOKENS) / PROMPT_TOKENS)
    result.peak_bytes = worker.peak_bytes
    if item.name == OURS:
        size, read, products = worker.call("products", passes=PRODUCT_PASSES)
        result.weight_bytes = size
        result.read.append(statistics.median(read))
        result.products.append(statistics.median(products))
    time.sleep(REST_SECONDS)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Bars of the decode speeds; the format follows from the name."""
    from matplotlib.figure import Figure

    groups = list(dict.fromkeys((row.shape, row.threads) for row in rows))
    figure = Figure(figsize=(2.6 * len(groups) + 1, 4), layout="constrained")
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    names = list(dict.fromkeys(row.name for row in rows))
    for panel, (shape, threads) in zip(panels, groups):
        for row in rows:
            if (row.shape, row.threads) != (shape, threads):
                continue
            place = names.index(row.name)
            bar = panel.bar(place, row.decode, color="C0" if row.name == OURS else "0.7")
            panel.bar_label(bar, fmt="%.1f", fontsize=8)
        panel.set_title(f"{shape}, {threads} thread{'s' * (threads > 1)}", fontsize=9)
        panel.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    panels[0].set_ylabel("decode, tokens/s")
    with whole_file(path) as part:
        figure.savefig(part)


def machine() -> dict[str, Any]:
    """Processor, compiler and kernel that the figures hold for."""
    model = platform.processor()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return {
        "processor": model,
        "processors": len(os.sched_getaffinity(0)),
        "compiler": _engine.build_info["compiler"],
        "kernel": _engine.kernels()[-1],
    }


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=tuple(SHAPES), nargs="+", default=["370m", "1.3b"])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument(
        "--tokens",
        type=int,
        default=64,
        help="to decode in a round; slower engines get fewer (default: %(default)s)",
    )
    parser.add_argument(
        "--peers-python",
        type=Path,
        default=PEERS_PYTHON if PEERS_PYTHON.exists() else Path(sys.executable),
        help="interpreter that has the peers (default: %(default)s)",
    )
    parser.add_argument(
        "--requantising",
        action="store_true",
        help="also PyTorch as the reference runs it, quantising the weights in every call",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=ROOT / "build" / "bench",
        help="model files stay there (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--plot", type=Path, help="draw them there, .svg or .png")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> list[Row]:
    """Measure every shape at every number of threads."""
    rows: list[Row] = []
    for shape_name in options.shape:
        write_models(shape_name, options.folder, options.peers_python)
        for threads in options.threads:
            rows += rows_of(shape_name, threads, measure(shape_name, threads, options))
    return rows


def main() -> None:
    """Entry point."""
    options = parse_arguments()
    rows = run(options)
    print(report(rows))
    if options.json is not None:
        values = {"machine": machine(), "rows": [dataclasses.asdict(row) for row in rows]}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        write_whole_text(options.json, json.dumps(values, indent=1) + "\n")
    if options.plot is not None:
        options.plot.parent.mkdir(parents=True, exist_ok=True)
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
