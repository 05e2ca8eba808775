# SPDX-License-Identifier: Apache-2.0
"""python -m training.ivit --data DIR --out DIR --mode float|calibrate|qat: see --help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from training.ivit.augmentation import Augmentation
from training.ivit.dataset import LabelledImages, load_images
from training.ivit.initial import read_initial, take_weights
from training.ivit.model import Quantisation, VisionTransformer
from training.ivit.trained import TrainedModel, tensors_of, write_trained
from training.ivit.trainer import DeviceImages, Recipe, Trainer
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.ivit.preprocessing import IMAGENET, Preprocessing
from tritforge.ivit.quantise import ScaleFormat, WeightFormat
from tritforge.ivit.shape import PRESETS, VisionShape, VisionWidths, preset

MODES = ("float", "calibrate", "qat")
#: Mean and standard deviation of the training images, which are light on black.
FASHION_MNIST = Preprocessing((0.2860,), (0.3530,), light_on_dark=True)
_DESCRIPTION = """Train a vision transformer, or make its integers from a trained one.

float      trains in reals
calibrate  measures ranges of activations; weights stay what they are (post-training quantisation)
qat        calibrates, then trains with the integers of the golden model in the forward pass

Writes config.json and model.safetensors (what `tritforge convert` reads), log.csv, and state.pt,
from which --resume continues exactly."""


def parser() -> argparse.ArgumentParser:
    """Options, with defaults for Fashion-MNIST."""
    options = argparse.ArgumentParser(
        prog="python -m training.ivit",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = options.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="idx files, or train/ and test/")
    add("--out", type=Path, required=True, metavar="DIR", help="trained directory")
    add(
        "--images-per-class",
        type=int,
        metavar="N",
        help="train on the first N of each class (default: all)",
    )
    add("--mode", choices=MODES, default="float", help="(default: %(default)s)")
    add("--model", choices=tuple(PRESETS), default="fashion-mnist", help="(default: %(default)s)")
    add(
        "--init",
        type=Path,
        metavar="PATH",
        help="weights to begin with: a trained directory, timm's .safetensors or .pth, or a "
        "checkpoint of upstream's quant_train.py",
    )
    add("--teacher", type=Path, metavar="PATH", help="float model whose answers are learned too")
    add("--teacher-weight", type=float, default=0.5, metavar="W", help="(default: %(default)s)")
    add(
        "--weights",
        choices=[f.value for f in WeightFormat],
        default=WeightFormat.INT8.value,
        help="of the blocks' linear layers (default: %(default)s)",
    )
    add(
        "--scales",
        choices=[f.value for f in ScaleFormat],
        default=ScaleFormat.REAL.value,
        help="power-of-two: requantisation by shifts (default: %(default)s)",
    )
    add(
        "--probability-bits",
        type=int,
        default=VisionWidths().probability,
        metavar="N",
        help="bits of attention probabilities, sign bit included (default: %(default)s)",
    )
    add("--epochs", type=int, help="(default: 100 in reals, 30 in whole numbers)")
    add("--batch", type=int, default=1000, help="images per step (default: %(default)s)")
    add("--learning-rate", type=float, help="(default: 1e-3 in reals, 3e-4 in whole numbers)")
    add("--warmup", type=int, default=300, metavar="STEPS", help="(default: %(default)s)")
    add("--weight-decay", type=float, default=0.05, help="(default: %(default)s)")
    add("--drop-path", type=float, default=0.1, help="in reals (default: %(default)s)")
    add("--mix", type=float, default=0.5, help="share of mixed batches (default: %(default)s)")
    add(
        "--average",
        type=float,
        default=0.9995,
        metavar="DECAY",
        help="moving average of the weights, 0 for none (default: %(default)s)",
    )
    add(
        "--percentile",
        type=float,
        default=99.99,
        help="of activations that 8 bits represent; 100: all (default: %(default)s)",
    )
    add("--calibration-images", type=int, default=2000, help="(default: %(default)s)")
    add(
        "--calibrated-share",
        type=float,
        default=0.3,
        metavar="SHARE",
        help="share of the epochs that begin with a calibration (default: %(default)s)",
    )
    add("--evaluate-every", type=int, default=10, metavar="EPOCHS", help="(default: %(default)s)")
    add("--name", help="name of the model (default: that of --model)")
    add("--seed", type=int, default=0, help="(default: %(default)s)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add(
        "--compile",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="torch.compile of the blocks (default: on a GPU)",
    )
    add("--resume", action="store_true", help="continue from state.pt in --out")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point: exit status 0, or 1 for a mistake in what was given."""
    options = parser().parse_args(arguments)
    try:
        train(options)
    except (TritforgeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def train(options: argparse.Namespace) -> None:
    """Do what the options say.

    Raises:
        TritforgeError: names the option or file, its value and the fix.
        OSError: a file cannot be read or written.
    """
    _check(options)
    shape, device = preset(options.model), _device(options.device)
    quantisation = _quantisation(options)
    recipe = _recipe(options)
    preprocessing = _preprocessing(shape)
    torch.manual_seed(options.seed)
    torch.backends.cuda.matmul.allow_tf32 = True
    images = {
        "train": load_images(options.data, "train", shape, preprocessing, options.images_per_class),
        "test": load_images(options.data, "test", shape, preprocessing),
    }
    model = VisionTransformer(shape, quantisation, options.drop_path)
    initial = read_initial(options.init, shape) if options.init else None
    if initial is not None:
        take_weights(model, initial)
    teacher = _teacher(options, shape, device)
    trainer = Trainer(
        model.to(device),
        DeviceImages.of(images["train"], device),
        DeviceImages.of(images["test"], device),
        preprocessing,
        recipe,
        teacher,
        options.compile if options.compile is not None else device.type == "cuda",
    )
    options.out.mkdir(parents=True, exist_ok=True)
    facts: dict[str, object] = {"mode": options.mode, "recipe": asdict(recipe)}
    if options.mode == "float":
        trainer.fit(options.out, options.resume)
    else:
        facts |= _quantised(options, trainer)
    accuracy = trainer.accuracy()
    facts["test_accuracy_pytorch"] = accuracy
    facts["test_images"] = len(images["test"])
    print(f"{options.mode}: {accuracy:.2f} % of {len(images['test'])} test images in PyTorch")
    trained = _trained(options, model, images["train"], preprocessing, facts)
    if options.mode != "float":
        trained.parameters()  # refuse here what a converter would refuse
    write_trained(options.out, trained)
    print(f"written: {options.out}")


def _quantised(options: argparse.Namespace, trainer: Trainer) -> dict[str, object]:
    """Calibration, and training in whole numbers; facts for the trained directory."""
    model = trainer.model
    model.eval()
    facts: dict[str, object] = {}
    if options.init is not None and not options.resume:
        facts["test_accuracy_float"] = trainer.accuracy()
        print(f"float: {facts['test_accuracy_float']:.2f} %")
    has_scales = all(scale > 0 for scale in model.scales().values())
    if not options.resume and not has_scales:
        trainer.calibrate()
        if model.quantisation.weight_format is WeightFormat.TERNARY:
            # Rounded weights move every range.
            model.quantised = True
            trainer.calibrate(quantised=True)
    model.quantised = True
    if not options.resume:
        facts["test_accuracy_calibrated"] = trainer.accuracy()
        print(f"calibrated: {facts['test_accuracy_calibrated']:.2f} % in PyTorch")
    if options.mode == "qat":
        trainer.fit(options.out, options.resume)
    return facts


def _trained(
    options: argparse.Namespace,
    model: VisionTransformer,
    images: LabelledImages,
    preprocessing: Preprocessing,
    facts: dict[str, object],
) -> TrainedModel:
    return TrainedModel(
        name=options.name or options.model,
        shape=model.shape,
        quantisation=model.quantisation,
        preprocessing=preprocessing,
        labels=images.labels,
        tensors=tensors_of(model),
        scales=model.scales() if options.mode != "float" else {},
        training=facts,
    )


def _check(options: argparse.Namespace) -> None:
    """Refuse options that cannot work, before anything is read."""
    limits = {
        "epochs": (1, 100000),
        "batch": (1, 1 << 20),
        "evaluate_every": (1, 100000),
        "calibration_images": (1, 1 << 30),
        "learning_rate": (0.0, 10.0),
        "percentile": (1.0, 100.0),
        "calibrated_share": (0.0, 1.0),
        "teacher_weight": (0.0, 1.0),
        "average": (0.0, 0.999999),
        "drop_path": (0.0, 0.9),
        "mix": (0.0, 1.0),
        "warmup": (0, 1 << 30),
        "images_per_class": (1, 1 << 30),
        "weight_decay": (0.0, 10.0),
    }
    for name, (low, high) in limits.items():
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            option = name.replace("_", "-")
            raise ConfigurationError(f"--{option} {value} is out of range: give {low} to {high}")
    if options.mode == "calibrate" and options.init is None:
        raise ConfigurationError("--mode calibrate needs --init: trained weights to calibrate")


def _quantisation(options: argparse.Namespace) -> Quantisation:
    scales = ScaleFormat(options.scales)
    # Ratios of powers of two are shifts: a mantissa of one bit.
    multiplier = 1 if scales is ScaleFormat.POWER_OF_TWO else VisionWidths().multiplier
    widths = VisionWidths(probability=options.probability_bits, multiplier=multiplier)
    return Quantisation(widths, WeightFormat(options.weights), scales)


def _recipe(options: argparse.Namespace) -> Recipe:
    quantised = options.mode != "float"
    return Recipe(
        epochs=options.epochs or (30 if quantised else 100),
        batch=options.batch,
        learning_rate=options.learning_rate or (3e-4 if quantised else 1e-3),
        weight_decay=options.weight_decay,
        warmup=options.warmup,
        teacher=options.teacher_weight if options.teacher else 0.0,
        average=options.average,
        percentile=options.percentile,
        calibration_images=options.calibration_images,
        calibrated_share=options.calibrated_share,
        evaluate_every=options.evaluate_every,
        seed=options.seed,
        augmentation=Augmentation(mix=options.mix),
    )


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0]
        raise ConfigurationError(f"--device {name} cannot be used: {first}") from error
    return device


def _preprocessing(shape: VisionShape) -> Preprocessing:
    return FASHION_MNIST if shape.channels == 1 else IMAGENET


def _teacher(
    options: argparse.Namespace, shape: VisionShape, device: torch.device
) -> VisionTransformer | None:
    if options.teacher is None:
        return None
    teacher = VisionTransformer(shape)
    take_weights(teacher, read_initial(options.teacher, shape))
    return teacher.to(device).eval().requires_grad_(False)
