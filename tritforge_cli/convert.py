# SPDX-License-Identifier: Apache-2.0
"""`tritforge convert`: a Hugging Face HGRNBit directory becomes a model image."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from tritforge.errors import TritforgeError
from tritforge.language_model.config import PORT_CHOICES
from tritforge.language_model.convert import ConversionOptions, convert
from tritforge.language_model.image_header import EMBEDDING_BITS
from tritforge_cli.arguments import add_json_argument, print_json, read_text
from tritforge_cli.memory import megabytes, peak_memory_bytes


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "convert",
        help="make a model image from a Hugging Face checkpoint",
        description="Convert a Hugging Face HGRNBit directory (config.json, model.safetensors, "
        "sharded or not, or pytorch_model.bin, and tokenizer.json) into a model image.",
    )
    parser.add_argument("directory", type=Path, help="checkpoint directory")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="image file"
    )
    parser.add_argument("--name", help="model name in the image (default: the directory's name)")
    parser.add_argument(
        "--ports",
        type=int,
        choices=PORT_CHOICES,
        default=2,
        help="64-bit weight ports the stream is laid out for (default: %(default)s)",
    )
    parser.add_argument(
        "--embedding-bits",
        type=int,
        choices=EMBEDDING_BITS,
        default=16,
        help="bits of an embedding value (default: %(default)s)",
    )
    parser.add_argument(
        "--keep-float",
        action="store_true",
        help="add the float gains, so that --backend float runs on the image",
    )
    parser.add_argument(
        "--calibration-text",
        type=Path,
        metavar="FILE",
        help="UTF-8 sample of what the model will read (default: a short built-in text)",
    )
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Convert with a progress bar, then print sizes."""
    choices = ConversionOptions(
        name=options.name,
        ports=options.ports,
        embedding_bits=options.embedding_bits,
        keep_float=options.keep_float,
        calibration_text=_read_calibration(options.calibration_text),
    )
    started = time.perf_counter()
    with tqdm(unit="weight", unit_scale=True, desc="convert", disable=None, leave=False) as bar:

        def show(name: str, done: int, total: int) -> None:
            bar.total = total
            bar.set_postfix_str(name.removesuffix(".weight"), refresh=False)
            bar.update(done - bar.n)

        report = convert(options.directory, options.output, choices, show)
    seconds, peak = time.perf_counter() - started, peak_memory_bytes()
    for setting in report.not_honoured:
        print(
            f"warning: generation_config.json: {setting} is not supported and has no effect",
            file=sys.stderr,
        )
    if options.json:
        figures = {"bits_per_weight": report.bits_per_weight, "seconds": seconds}
        print_json({**asdict(report), "path": str(report.path), **figures, "peak_bytes": peak})
        return 0
    print(f"wrote            {report.path}, {megabytes(report.file_bytes)}")
    print(
        f"ternary weights  {report.ternary_weights:,} at {report.bits_per_weight:.4f} bits, "
        f"{100 * report.zero_share:.1f} % zeros"
    )
    print(
        f"sections         weights {megabytes(report.weight_bytes)}, parameters "
        f"{megabytes(report.parameter_bytes)}, embedding {megabytes(report.embedding_bytes)}"
    )
    print(f"took             {seconds:.1f} s, {megabytes(peak)} peak memory")
    return 0


def _read_calibration(path: Path | None) -> str | None:
    if path is None:
        return None
    text = read_text(path)
    if not text.strip():
        raise TritforgeError(f"{path} is empty: give a sample of what the model will read")
    return text
