# SPDX-License-Identifier: Apache-2.0
"""Peak memory and time of a training step on one GPU: this project's kernels and three peers.

Every variant trains the same shape on the same tokens in this one run: forward, backward, AdamW
(fused), matrix products in bf16 or int8, parameters and optimiser in float32.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tritforge.language_model.config import ModelShape
from tritforge.whole_file import write_whole_text

VARIANTS = {
    "plain": "plain PyTorch BitLinear",
    "plain-checkpoint": "the same with activation checkpointing",
    "compiled": "the same blocks under torch.compile",
    "compiled-checkpoint": "compiled, with activation checkpointing",
    "fla": "FusedBitLinear of flash-linear-attention",
    "fla-checkpoint": "the same with activation checkpointing",
    "ours": "FusedHGRNBit in a CUDA graph, as the trainer runs it",
    "ours-recompute": "the same with recompute_glu=True",
    "ours-eager": "FusedHGRNBit without a graph",
}
_USER_ERROR = 2


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        *(("layers", 24), ("dim", 2048), ("glu-width", 5632), ("vocabulary", 32000)),
        *(("batch", 4), ("length", 2048), ("steps", 8)),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help="default: %(default)s")
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="NAME",
        help="; ".join(f"{name}: {text}" for name, text in VARIANTS.items()),
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="write everything, saved tensors too, to a file")
    parser.add_argument("--alone", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument(
        "--profile", action="store_true", help="print the kernels of a step by their time"
    )
    options = parser.parse_args(arguments)
    shape = ModelShape(options.dim, options.layers, options.glu_width, options.vocabulary)
    if options.alone is not None:
        return measure_alone(options, shape)
    print(f"{shape}, {options.batch} x {options.length} tokens", flush=True)
    given = sys.argv[1:] if arguments is None else arguments
    results = []
    for variant in options.variants:
        if variant.startswith("fla") and importlib.util.find_spec("fla") is None:
            print(f"{variant:20} not measured: flash-linear-attention is not installed")
            continue
        # A process each: torch.compile and graphs keep memory of the variant before.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "result.json"
            command = [sys.executable, "-m", "benchmarks.train_memory", *given]
            status = subprocess.run([*command, "--alone", variant, "--json", str(path)]).returncode
            if status == _USER_ERROR:
                return status
            if status == 0:
                results.append(json.loads(path.read_text(encoding="utf-8")))
    for result in results:
        print(f"\nkept for the backward pass by {result['variant']}:")
        for row in result["saved"][:12]:
            print(f"  {row['MiB']:8.0f} MiB  {row['count']:4} x {row['tensor']}")
    if options.json is not None:
        write_whole_text(options.json, json.dumps(results, indent=1))
    return 0


def measure_alone(options: argparse.Namespace, shape: ModelShape) -> int:
    """Measure one variant in this process, print its line and write its record."""
    # Imported late: --help needs no PyTorch.
    import torch

    if not torch.cuda.is_available():
        print("train_memory: error: needs a GPU that PyTorch sees", file=sys.stderr)
        return _USER_ERROR
    from benchmarks.train_memory_variant import measure

    variant = options.alone
    try:
        result = measure(
            variant, shape, options.batch, options.length, options.steps, options.profile
        )
    except torch.cuda.OutOfMemoryError as error:
        print(f"{variant:20} out of memory: {str(error).splitlines()[0]}", flush=True)
        return 1
    result |= {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    print(
        f"{variant:20} {result['ms']:6.0f} ms  peak {result['peak_gib']:5.1f} GiB  "
        f"reserved {result['reserved_gib']:5.1f}  between steps {result['standing_gib']:5.1f}  "
        f"loss {result['first_loss']:.3f} -> {result['last_loss']:.3f}",
        flush=True,
    )
    write_whole_text(options.json, json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
