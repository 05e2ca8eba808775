# SPDX-License-Identifier: Apache-2.0
"""`tritforge train`: text files become a MatMul-free language model."""

from __future__ import annotations

import argparse
import importlib.util
from dataclasses import asdict
from pathlib import Path

from training.language_model.dataset_texts import dataset_texts
from training.language_model.options import (
    KERNELS,
    OPTIMISERS,
    SCHEDULES,
    SIGMOIDS,
    TrainingOptions,
)
from tritforge.errors import TritforgeError, install_command
from tritforge.language_model.config import ModelShape, default_glu_width
from tritforge_cli.arguments import add_json_argument, print_json, read_text

_DIM, _LAYERS, _VOCABULARY = 128, 4, 1024


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "train",
        help="train a model from text files",
        description="Train a MatMul-free language model (HGRNBit) from UTF-8 text: tokenizer, "
        "model, log and loss plot go to a folder that `tritforge convert` takes. Uses the GPU if "
        "PyTorch sees one; several with `torchrun -m training.language_model` and the same "
        "arguments.",
    )
    parser.add_argument(
        "files", type=Path, nargs="*", metavar="FILE",
        help="text file; one that is given twice is seen twice as often",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument(
        "--held-out", type=Path, nargs="+", default=[], metavar="FILE",
        help="texts to measure on (default: one document in twenty)",
    )  # fmt: skip
    parser.add_argument(
        "--tokenizer", type=Path, metavar="FILE",
        help="tokenizer.json of an earlier run (default: a new one, trained on the text)",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    _add_dataset(parser)
    _add_shape(parser)
    _add_course(parser)
    parser.add_argument(
        "--device", help="as PyTorch names it, as cpu or cuda:1 (default: a GPU if there is one)"
    )
    parser.add_argument(
        "--kernels",
        choices=KERNELS,
        default="auto",
        help="Triton kernels or plain PyTorch (default: fused on a GPU)",
    )
    parser.add_argument(
        "--compile", action="store_true", help="run plain blocks under torch.compile"
    )
    parser.add_argument(
        "--shard",
        action="store_true",
        help="under torchrun: each process keeps its share of parameters and optimiser alone",
    )
    parser.add_argument(
        "--save-every",
        type=_steps,
        default=200,
        metavar="N",
        help="steps between saved states (default: %(default)s)",
    )
    parser.add_argument(
        "--validate-every",
        type=_steps,
        default=100,
        metavar="N",
        help="steps between measurements of the held-out loss (default: %(default)s)",
    )
    add_json_argument(parser)
    parser.set_defaults(run=run)


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    dataset = parser.add_argument_group("Hugging Face dataset, instead of files")
    dataset.add_argument("--dataset", metavar="NAME", help="name of the hub, or a local folder")
    dataset.add_argument("--configuration", help="for a dataset that has several")
    dataset.add_argument(
        "--split", default="train", help="as train or 'train[:1%%]' (default: %(default)s)"
    )
    dataset.add_argument("--column", default="text", help="of the texts (default: %(default)s)")


def _add_shape(parser: argparse.ArgumentParser) -> None:
    shape = parser.add_argument_group("model")
    shape.add_argument("--dim", type=int, default=_DIM, help="width (default: %(default)s)")
    shape.add_argument("--layers", type=int, default=_LAYERS, help="blocks (default: %(default)s)")
    shape.add_argument(
        "--glu-width", type=int, help="width of the GLU (default: 8/3 of dim, rounded up to 256)"
    )
    shape.add_argument(
        "--vocabulary",
        type=int,
        default=_VOCABULARY,
        help="most tokens of the tokenizer (default: %(default)s)",
    )


def _add_course(parser: argparse.ArgumentParser) -> None:
    course = parser.add_argument_group("course")
    defaults = TrainingOptions
    for name, kind, text in (
        ("steps", int, "updates"),
        ("batch", int, "sequences of an update, over all processes"),
        ("accumulation", int, "micro-batches of an update"),
        ("length", int, "tokens of a sequence"),
        ("learning-rate", float, "largest learning rate"),
        ("warm-up", int, "steps to it"),
        ("weight-decay", float, "of the matrices"),
        ("clip", float, "largest norm of the gradients"),
        ("seed", int, "of first weights and order of the data"),
    ):
        default = getattr(defaults, name.replace("-", "_"))
        course.add_argument(
            f"--{name}", type=kind, default=default, help=f"{text} (default: %(default)s)"
        )
    for name, choices, text in (
        ("schedule", SCHEDULES, "two-stage halves the cosine in the second half"),
        ("optimiser", OPTIMISERS, "muon: for the blocks' matrices beside AdamW, slow on a CPU"),
        ("sigmoid", SIGMOIDS, "learn with an integer sigmoid of the machine (plain kernels)"),
    ):
        course.add_argument(
            f"--{name}",
            choices=choices,
            default=getattr(defaults, name),
            help=f"{text} (default: %(default)s)",
        )
    course.add_argument(
        "--separate-documents",
        action=argparse.BooleanOptionalAction,
        default=defaults.separate_documents,
        help="begin each document with a zero state, as generation does (default: yes)",
    )


def _steps(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is no number of steps: give 1 or more")
    return value


def _texts(options: argparse.Namespace) -> list[str]:
    if bool(options.files) == bool(options.dataset):
        raise TritforgeError("give text files or --dataset NAME, one of them")
    if options.dataset:
        return dataset_texts(options.dataset, options.configuration, options.split, options.column)
    return [read_text(path) for path in options.files]


def run(options: argparse.Namespace) -> int:
    """Train with a progress bar, then say what came of it."""
    shape = ModelShape(
        dim=options.dim,
        layers=options.layers,
        glu_width=options.glu_width or default_glu_width(options.dim),
        vocabulary=options.vocabulary,
    )
    course = TrainingOptions(
        shape=shape,
        **{
            name: getattr(options, name)
            for name in TrainingOptions.__dataclass_fields__
            if name != "shape"
        },
    )
    if importlib.util.find_spec("torch") is None:
        raise TritforgeError(f"training needs PyTorch: {install_command('train')}")
    texts = _texts(options)
    # Imported late: PyTorch takes seconds that --help need not take.
    from training.language_model.run import train
    from training.language_model.trainer import Habits

    habits = Habits(
        validate_every=options.validate_every,
        save_every=options.save_every,
        compile_blocks=options.compile,
        shard=options.shard,
    )
    report = train(
        texts,
        options.out,
        course,
        habits,
        options.resume,
        options.device,
        options.kernels,
        held_out=[read_text(path) for path in options.held_out],
        tokenizer_text=read_text(options.tokenizer) if options.tokenizer else None,
    )
    if not report.is_first:
        return 0
    if options.json:
        print_json({**asdict(report), "folder": str(options.out)})
        return 0
    image = options.out.with_name(f"{options.out.resolve().name}.tritforge")
    print(f"parameters       {report.parameters}")
    print(f"tokens           {report.training_tokens}, {report.validation_tokens} held out")
    print(f"nats per token   {report.nats_per_token:.4f} held out")
    print(f"checkpoint       {options.out}")
    print(f"next             tritforge convert {options.out} -o {image}")
    return 0
