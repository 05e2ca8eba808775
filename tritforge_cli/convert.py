# SPDX-License-Identifier: Apache-2.0
"""`tritforge convert`: a checkpoint becomes a model image."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from tritforge.checkpoint.files import read_json
from tritforge.errors import ConfigurationError, TritforgeError, install_command
from tritforge.ivit.convert.configuration import is_vision_configuration
from tritforge.ivit.image import IVIT
from tritforge.language_model.config import PORT_CHOICES
from tritforge.language_model.convert import ConversionOptions, convert
from tritforge.language_model.convert.comparison import ConversionFidelity
from tritforge.language_model.convert.embedding_table import EMBEDDING_BITS
from tritforge.language_model.image import LANGUAGE_MODEL
from tritforge_cli.arguments import add_json_argument, print_json, read_text
from tritforge_cli.ivit.convert import add_vision_conversion_arguments, convert_vision_model
from tritforge_cli.memory import megabytes, peak_memory_bytes

_MODELS = (LANGUAGE_MODEL.name, IVIT.name)
#: Option -> the one kind of model that has it.
_FOREIGN = {
    **dict.fromkeys(("ports", "embedding_bits", "calibration_text"), LANGUAGE_MODEL.name),
    **dict.fromkeys(("calibration_images", "heads", "labels", "light_on_dark"), IVIT.name),
}


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "convert",
        help="make a model image from a checkpoint",
        description="Convert a checkpoint into a model image. Language models: a Hugging Face "
        "HGRNBit directory (config.json, model.safetensors, sharded or not, or pytorch_model.bin, "
        "and tokenizer.json). Vision transformers (ivit): a directory that the training wrote, the "
        "state dict of I-ViT's quant_train.py, or timm's float weights of a ViT or DeiT. PyTorch "
        f"files need {install_command('torch')}.",
    )
    parser.add_argument("directory", type=Path, help="checkpoint directory or file")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="image file (default: the model's name and .tritforge)",
    )
    parser.add_argument(
        "--model",
        choices=_MODELS,
        help="what the checkpoint holds (default: as its config.json says; a single file: ivit)",
    )
    parser.add_argument(
        "--name", help="model name in the image (default: that of the checkpoint or its folder)"
    )
    parser.add_argument(
        "--keep-float",
        action="store_true",
        help="add float parameters, so that --backend float runs on the image",
    )
    language = parser.add_argument_group("language models")
    language.add_argument(
        "--ports",
        type=int,
        choices=PORT_CHOICES,
        help="64-bit weight ports the stream is laid out for "
        f"(default: {ConversionOptions().ports})",
    )
    language.add_argument(
        "--embedding-bits",
        type=int,
        choices=EMBEDDING_BITS,
        help="bits of an embedding value; 16 hold those of a 16-bit checkpoint exactly, 32 any "
        f"(default: {ConversionOptions().embedding_bits})",
    )
    language.add_argument(
        "--calibration-text",
        type=Path,
        metavar="FILE",
        help="UTF-8 sample of what the model will read (default: a short built-in text)",
    )
    add_vision_conversion_arguments(parser)
    add_json_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Convert with a progress bar, then print sizes."""
    kind = options.model or checkpoint_kind(options.directory)
    for name, owner in _FOREIGN.items():
        if owner != kind and getattr(options, name) not in (None, False):
            raise ConfigurationError(
                f"--{name.replace('_', '-')} belongs to {owner}, but {options.directory} holds a "
                f"model of kind {kind}: leave it out"
            )
    return convert_vision_model(options) if kind == IVIT.name else _convert(options)


def checkpoint_kind(path: Path) -> str:
    """What a checkpoint holds: a directory by its `config.json`, a single file is a state dict.

    Raises:
        CheckpointError: the `config.json` cannot be read.
    """
    configuration = path / "config.json"
    if path.is_file():
        return IVIT.name
    if configuration.exists() and is_vision_configuration(read_json(configuration)):
        return IVIT.name
    return LANGUAGE_MODEL.name


def _convert(options: argparse.Namespace) -> int:
    """Convert a language model."""
    choices = ConversionOptions(
        name=options.name,
        ports=options.ports or ConversionOptions().ports,
        embedding_bits=options.embedding_bits or ConversionOptions().embedding_bits,
        keep_float=options.keep_float,
        calibration_text=_read_calibration(options.calibration_text),
    )
    name = options.name or options.directory.resolve().name
    output = options.output or Path(f"{name}.tritforge")
    started = time.perf_counter()
    with tqdm(unit="weight", unit_scale=True, desc="convert", disable=None, leave=False) as bar:

        def show(name: str, done: int, total: int) -> None:
            bar.total = total
            bar.set_postfix_str(name.removesuffix(".weight"), refresh=False)
            bar.update(done - bar.n)

        report = convert(options.directory, output, choices, show)
    seconds, peak = time.perf_counter() - started, peak_memory_bytes()
    for setting in report.not_honoured:
        print(
            f"warning: generation_config.json: {setting} is not supported and has no effect",
            file=sys.stderr,
        )
    if report.random_calibration:
        print(
            "warning: the calibration text has too few different tokens with this tokenizer: "
            "calibrated on random tokens instead; --calibration-text FILE gives another text",
            file=sys.stderr,
        )
    fidelity = report.fidelity
    if fidelity.is_poor:
        print(f"warning: {_poor(fidelity)}", file=sys.stderr)
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
    print(f"fidelity         {_fidelity_line(fidelity)}")
    print(f"took             {seconds:.1f} s, {megabytes(peak)} peak memory")
    return 0


def _fidelity_line(fidelity: ConversionFidelity) -> str:
    return (
        f"{100 * fidelity.logit_error:.2f} % logit error, "
        f"{100 * fidelity.agreement:.1f} % same next token as the float model "
        f"({fidelity.positions} positions of the calibration text)"
    )


def _poor(fidelity: ConversionFidelity) -> str:
    """What is wrong with a conversion."""
    text = (
        f"the image follows its checkpoint poorly: {100 * fidelity.logit_error:.1f} % logit error, "
        f"{100 * fidelity.agreement:.1f} % same next token as the float model"
    )
    if fidelity.saturations:
        text += f"; saturated: {', '.join(fidelity.saturations)}"
    return f"{text}; try --embedding-bits 32, or --calibration-text with what the model will read"


def _read_calibration(path: Path | None) -> str | None:
    if path is None:
        return None
    text = read_text(path)
    if not text.strip():
        raise TritforgeError(f"{path} is empty: give a sample of what the model will read")
    return text
