# SPDX-License-Identifier: Apache-2.0
"""Scaling of MatMul-free models beside Transformers: held-out loss over parameters, fitted.

Every size trains twice on the same batches of the same text: HGRNBit of this project, and a
Llama-style Transformer ("Transformer++") of Hugging Face with the same width, layers and GLU, which
has as many weights. Each takes the best of the learning rates tried. As in arXiv 2406.02528, figure
4, at small scale; what is fitted is loss = a * parameters ** -b.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from testing.scaling import Run, best_of, power_law
from tritforge.errors import TritforgeError, install_command
from tritforge.language_model.config import ModelShape, default_glu_width
from tritforge.whole_file import whole_file, write_whole_text

ARCHITECTURES = {"matmul-free": "MatMul-free (HGRNBit)", "transformer": "Transformer++ (Llama)"}
#: Width of a head of the Transformer's attention.
_HEAD_WIDTH = 64
_SEED = 0


def main(arguments: list[str] | None = None) -> int:
    """Train what is missing, then print table and fit, and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="UTF-8 text")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="results and plot")
    parser.add_argument(
        "--sizes", type=_size, nargs="+", metavar="DIMxLAYERS",
        default=[(128, 4), (256, 6), (384, 8), (512, 12)], help="default: 128x4 256x6 384x8 512x12",
    )  # fmt: skip
    parser.add_argument(
        "--learning-rates", type=float, nargs="+", default=[2e-3, 6e-3], metavar="RATE",
        help="tried for each model (default: 0.002 0.006)",
    )  # fmt: skip
    for name, default in (
        *(("tokens", 50_000_000), ("vocabulary", 4096), ("batch", 128), ("length", 512)),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help="default: %(default)s")
    parser.add_argument("--device", help="as PyTorch names it (default: a GPU if there is one)")
    options = parser.parse_args(arguments)
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            print(f"error: this needs {package}: {install_command('train')}", file=sys.stderr)
            return 2
    try:
        measure(options)
    except (TritforgeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _size(text: str) -> tuple[int, int]:
    try:
        dim, layers = map(int, text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give width and layers, as 256x6") from None
    if dim < _HEAD_WIDTH or dim % _HEAD_WIDTH or layers < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: the width is a multiple of {_HEAD_WIDTH}")
    return dim, layers


def measure(options: argparse.Namespace) -> None:
    """Train every model that `results.json` in the folder does not have.

    Raises:
        TritforgeError: too little text, or a folder with results of another text.
    """
    from training.language_model.corpus import documents_of, encode_corpus, train_tokenizer
    from training.language_model.parallel import processes
    from tritforge_cli.arguments import read_text

    documents = documents_of([read_text(path) for path in options.files])
    tokenizer = train_tokenizer(documents, options.vocabulary)
    corpus = encode_corpus(documents, tokenizer, options.length)
    print(
        f"{len(corpus.training)} tokens, {len(corpus.validation)} held out "
        f"({corpus.held_out_characters} characters), vocabulary {tokenizer.get_vocab_size()}",
        flush=True,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "results.json"
    about = {
        "text": corpus.digest,
        "training_tokens": len(corpus.training),
        "held_out_tokens": len(corpus.validation),
        "batch": options.batch,
        "length": options.length,
        "tokens": options.tokens,
    }
    runs: list[Run] = []
    if path.exists():
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["about"] != about:
            raise TritforgeError(f"{path} is of {record['about']}, not {about}: give another --out")
        runs = [Run(**run) for run in record["runs"]]
    done = {run.key for run in runs}
    with processes(options.device) as group:
        for dim, layers in options.sizes:
            for architecture in ARCHITECTURES:
                for rate in options.learning_rates:
                    if (architecture, dim, layers, rate) in done:
                        continue
                    shape = ModelShape(
                        dim, layers, default_glu_width(dim), tokenizer.get_vocab_size()
                    )
                    run = train_one(architecture, shape, rate, corpus, options, group)
                    runs.append(run)
                    record = {"about": about, "runs": [asdict(run) for run in runs]}
                    write_whole_text(path, json.dumps(record, indent=1))
    report(runs, options.out)


def train_one(
    architecture: str, shape: ModelShape, rate: float, corpus: Any, options: Any, group: Any
) -> Run:
    """Train one model on the batches that all of them see."""
    import torch
    from torch import nn
    from tqdm import tqdm

    from training.language_model.batches import batch_starts, sequences
    from training.language_model.graphed_gradients import GraphedGradients
    from training.language_model.model import ModelLoss
    from training.language_model.optimisers import Optimisers
    from training.language_model.options import TrainingOptions
    from training.language_model.run import make_model
    from training.language_model.schedule import learning_rate, weight_decay

    steps = max(1, options.tokens // (options.batch * options.length))
    course = TrainingOptions(
        shape, steps=steps, batch=options.batch, length=options.length, learning_rate=rate,
        warm_up=min(100, steps // 10), seed=_SEED,
    )  # fmt: skip
    device = group.device
    is_gpu = device.type == "cuda"
    if architecture == "matmul-free":
        model = make_model(course, "auto", group)
        loss: nn.Module = ModelLoss(model)
    else:
        from benchmarks.peers.llama import LlamaLoss

        loss = LlamaLoss(shape, shape.dim // _HEAD_WIDTH, _SEED).to(device)
        model = loss.model
        if is_gpu:
            torch._dynamo.reset()  # each size is compiled anew, without counting towards a limit
            loss.compile()
    optimisers = Optimisers(model, course)
    is_graphed = is_gpu and getattr(model, "is_fused", False)
    graphed = None
    name = f"{architecture} {shape.dim}x{shape.layers} at {rate:g}"
    start = 0.0
    for step in tqdm(range(steps), desc=name, unit="step", disable=None):
        starts = batch_starts(_SEED, step, options.batch, len(corpus.training), options.length)
        tokens, targets = sequences(corpus.training, starts, options.length, device)
        if is_graphed:
            graphed = graphed or GraphedGradients(loss, tokens, targets)
            graphed(tokens, targets)
        else:
            with torch.autocast(device.type, torch.bfloat16, enabled=is_gpu):
                loss(tokens, targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), course.clip)
        optimisers.step(learning_rate(course, step), weight_decay(course, step))
        if step == 0:  # compiling is not training
            if is_gpu:
                torch.cuda.synchronize()
            start = time.perf_counter()
    if is_gpu:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    nats = _held_out(loss, corpus, options, device)
    embedding = shape.vocabulary * shape.dim
    run = Run(
        architecture, shape.dim, shape.layers, rate,
        sum(parameter.numel() for parameter in model.parameters()) - embedding,
        steps * options.batch * options.length, nats,
        nats * len(corpus.validation) / corpus.held_out_characters / np.log(2), seconds,
    )  # fmt: skip
    print(f"{name}: {nats:.4f} nats per token, {seconds:.1f} s", flush=True)
    return run


def _held_out(loss: Any, corpus: Any, options: Any, device: Any) -> float:
    import torch

    from training.language_model.batches import sequences

    ids, length = corpus.validation, options.length
    starts = np.arange(0, len(ids) - length, length)
    total = 0.0
    with (
        torch.no_grad(),
        torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"),
    ):
        for first in range(0, len(starts), options.batch):
            part = starts[first : first + options.batch]
            # `forward` is not compiled: a last batch has another shape.
            total += float(loss.forward(*sequences(ids, part, length, device))) * len(part)
    return total / len(starts)


def report(runs: list[Run], folder: Path) -> None:
    """Print the table and the fits; draw `scaling.svg` where matplotlib is installed."""
    print("\n| model | size | parameters | learning rate | nats per token | bits per character |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    fits = {}
    for architecture, title in ARCHITECTURES.items():
        best = best_of(runs, architecture)
        for run in best:
            print(
                f"| {title} | {run.dim} x {run.layers} | {run.parameters / 1e6:.1f} M | "
                f"{run.learning_rate:g} | {run.nats_per_token:.3f} | {run.bits_per_character:.3f} |"
            )
        if len(best) > 1:
            fits[architecture] = power_law(best)
    for architecture, (factor, exponent) in fits.items():
        print(f"{ARCHITECTURES[architecture]}: loss = {factor:.2f} * parameters ** -{exponent:.4f}")
    _plot(runs, fits, folder / "scaling.svg")


def _plot(runs: list[Run], fits: dict[str, tuple[float, float]], path: Path) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log")
    for architecture, title in ARCHITECTURES.items():
        best = best_of(runs, architecture)
        sizes = np.array([run.parameters for run in best])
        (points,) = axes.plot(sizes, [run.nats_per_token for run in best], "o", label=title)
        if architecture in fits:
            factor, exponent = fits[architecture]
            reach = np.geomspace(sizes.min(), sizes.max() * 2, 50)
            axes.plot(reach, factor * reach**-exponent, "--", color=points.get_color())
    axes.set_xlabel("parameters without embedding")
    axes.set_ylabel("held-out nats per token")
    axes.legend()
    axes.grid(alpha=0.3, which="both")
    with whole_file(path) as part:
        figure.savefig(part)


if __name__ == "__main__":
    sys.exit(main())
