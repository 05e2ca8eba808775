# SPDX-License-Identifier: Apache-2.0
"""The loop: float training, calibration, quantisation-aware training; resumed exactly.

One loop trains reals and whole numbers. Ranges are calibrated in the quantised network at the start
of the first epochs, whose weights still move most, and are fixed from then on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from training.common.checkpoint import load_state, random_state, restore_random_state, save_state
from training.common.log import EpochLog
from training.ivit.augmentation import Augmentation, augment, mix
from training.ivit.dataset import LabelledImages
from training.ivit.model import VisionTransformer
from training.ivit.rounding import quotient
from tritforge.errors import CheckpointError, ConfigurationError
from tritforge.ivit.preprocessing import Preprocessing

STATE, LOG = "state.pt", "log.csv"
COLUMNS = ("epoch", "loss", "train_accuracy", "test_accuracy", "learning_rate", "seconds")
#: Norm to which the gradient of a step is cut.
_LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Recipe:
    """Numbers of a training.

    Attributes:
        epochs, batch: passes over the images, and images per step.
        learning_rate: highest, after the warm-up; a cosine leads to 1 % of it.
        warmup: steps of the warm-up.
        smoothing: of the labels.
        teacher: weight of the teacher's answers in the loss, 0 to 1.
        average: decay of the moving average of weights; 0 for the last weights.
        percentile: of the magnitudes that a site of few bits must represent.
        calibration_images: per calibration.
        calibrated_share: share of the epochs that begin with a calibration.
        evaluate_every: epochs between two accuracies on the test images.
    """

    epochs: int = 100
    batch: int = 1000
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup: int = 300
    smoothing: float = 0.1
    teacher: float = 0.0
    average: float = 0.9995
    percentile: float = 99.99
    calibration_images: int = 2000
    calibrated_share: float = 0.3
    evaluate_every: int = 10
    seed: int = 0
    augmentation: Augmentation = Augmentation()  # noqa: RUF009 - a frozen dataclass


@dataclass(frozen=True)
class DeviceImages:
    """Images (count, channels, size, size) uint8 and classes, on the device of the training."""

    pixels: Tensor
    classes: Tensor

    @classmethod
    def of(cls, images: LabelledImages, device: torch.device) -> DeviceImages:
        """Copy images to a device."""
        pixels = torch.from_numpy(images.pixels.copy()).to(device)
        return cls(
            pixels.permute(0, 3, 1, 2).contiguous(), torch.from_numpy(images.classes).to(device)
        )

    def __len__(self) -> int:
        return len(self.classes)


class Trainer:
    """One model, its images and its recipe."""

    def __init__(
        self,
        model: VisionTransformer,
        train: DeviceImages,
        test: DeviceImages,
        preprocessing: Preprocessing,
        recipe: Recipe,
        teacher: VisionTransformer | None = None,
        compiled: bool = False,
    ) -> None:
        """
        Args:
            teacher: float model whose answers `recipe.teacher` weighs.
            compiled: whether blocks go through torch.compile.
        """
        self.model, self.train_images, self.test_images = model, train, test
        self.recipe, self.teacher = recipe, teacher
        self.device = train.pixels.device
        mean, std = (
            torch.tensor(values, device=self.device).view(1, -1, 1, 1)
            for values in (preprocessing.mean, preprocessing.std)
        )
        self._normalise: Callable[[Tensor], Tensor] = lambda x: (
            (quotient(x.float(), 255) - mean) / std
        )
        if compiled:
            model.compile_blocks()
            if teacher is not None:
                teacher.compile_blocks()
        self._optimiser = _optimiser(model, recipe)
        self._average = [p.detach().clone() for p in model.parameters()]
        self.steps = 0

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one epoch; the last images of an order may be left out."""
        return max(1, len(self.train_images) // self.recipe.batch)

    @torch.no_grad()
    def calibrate(self, quantised: bool = False) -> None:
        """Scale of every site from training images.

        Args:
            quantised: observe the network in whole numbers, which needs scales already, instead of
                that in reals.
        """
        was = self.model.quantised
        self.model.quantised = quantised
        self.model.eval()
        self.model.observe(self.recipe.percentile)
        images = self.train_images.pixels[: self.recipe.calibration_images]
        for batch in images.split(min(self.recipe.batch, 500)):
            self.model(self._normalise(batch))
        self.model.settle()
        self.model.quantised = was

    @torch.no_grad()
    def predictions(self, images: DeviceImages) -> Tensor:
        """Class of every image, (count,) int64, by the network's logits in PyTorch."""
        self.model.eval()
        answers = [
            self.model(self._normalise(batch)).argmax(1)
            for batch in images.pixels.split(self.recipe.batch)
        ]
        return torch.cat(answers)

    def accuracy(self) -> float:
        """Percentage of the test images whose class is right."""
        right = self.predictions(self.test_images) == self.test_images.classes
        return 100 * right.sum().item() / len(right)

    def fit(self, folder: Path, resume: bool = False, note: Callable[[str], None] = print) -> None:
        """Train; the model ends with its averaged weights, if the recipe averages.

        Args:
            folder: receives the state after every evaluation, and the log.
            resume: continue from the folder's state; the result is that of a run without a stop.
            note: receives one line per evaluation.

        Raises:
            CheckpointError: the state to resume is damaged or of another recipe.
        """
        recipe = self.recipe
        folder.mkdir(parents=True, exist_ok=True)
        first = self._resume(folder / STATE) if resume else 0
        log = EpochLog(folder / LOG, COLUMNS, first)
        started = time.monotonic()
        progress = tqdm(
            range(first, recipe.epochs), initial=first, total=recipe.epochs, unit="epoch"
        )
        for epoch in progress:
            if self.model.quantised and epoch < recipe.calibrated_share * recipe.epochs:
                self.calibrate(quantised=True)
            loss, right = self._epoch()
            last = epoch == recipe.epochs - 1
            test = None
            if last or (epoch + 1) % recipe.evaluate_every == 0:
                test = self._averaged_accuracy()
                self._save(folder / STATE, epoch + 1)
            log.add(
                {
                    "epoch": epoch,
                    "loss": loss,
                    "train_accuracy": right,
                    "test_accuracy": test,
                    "learning_rate": self._optimiser.param_groups[0]["lr"],
                    "seconds": time.monotonic() - started,
                }
            )
            progress.set_postfix(loss=f"{loss:.4f}", test="" if test is None else f"{test:.2f}")
            if test is not None:
                seconds = time.monotonic() - started
                note(f"epoch {epoch + 1}, {seconds:.0f} s: loss {loss:.4f}, test {test:.2f} %")
        if recipe.average:
            self._swap()

    def _epoch(self) -> tuple[float, float]:
        """Mean loss and percentage of right answers among the images that were not mixed."""
        self.model.train()
        loss_sum = torch.zeros((), device=self.device)
        right = torch.zeros((), device=self.device)
        counted = 0
        for pixels, classes in self._batches():
            images, order, share = mix(
                self._normalise(augment(pixels, self.recipe.augmentation)),
                self.recipe.augmentation.mix,
            )
            _set_rate(self._optimiser, self._rate())
            with self._autocast():
                logits = self.model(images)
            loss = self._loss(logits.float(), images, classes, order, share)
            self._optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), _LARGEST_GRADIENT)
            self._optimiser.step()
            self.steps += 1
            self._update_average()
            loss_sum += loss.detach()
            if order is None:
                right += (logits.argmax(1) == classes).sum()
                counted += len(classes)
        mean = loss_sum.item() / self.steps_per_epoch
        if not math.isfinite(mean):
            raise ConfigurationError(
                f"the loss is {mean} after {self.steps} steps: training diverged; give a smaller "
                "--learning-rate"
            )
        return mean, 100 * right.item() / max(counted, 1)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self.train_images), device=self.device)
        for step in range(self.steps_per_epoch):
            picked = order[step * self.recipe.batch : (step + 1) * self.recipe.batch]
            yield self.train_images.pixels[picked], self.train_images.classes[picked]

    def _loss(
        self, logits: Tensor, images: Tensor, classes: Tensor, order: Tensor | None, share: float
    ) -> Tensor:
        smoothing, weight = self.recipe.smoothing, self.recipe.teacher
        loss = functional.cross_entropy(logits, classes, label_smoothing=smoothing)
        if order is not None:
            other = functional.cross_entropy(logits, classes[order], label_smoothing=smoothing)
            loss = share * loss + (1 - share) * other
        if self.teacher is None or not weight:
            return loss
        with torch.no_grad(), self._autocast(reals=True):
            answers = torch.log_softmax(self.teacher(images).float(), -1)
        divergence = functional.kl_div(
            torch.log_softmax(logits, -1), answers, reduction="batchmean", log_target=True
        )
        return (1 - weight) * loss + weight * divergence

    def _autocast(self, reals: bool = False) -> torch.autocast:
        """bfloat16 for networks in reals on a GPU; whole numbers need float32."""
        enabled = self.device.type == "cuda" and (reals or not self.model.quantised)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def _rate(self) -> float:
        recipe = self.recipe
        position = self.steps / (recipe.epochs * self.steps_per_epoch)
        rise = min(1.0, (self.steps + 1) / max(recipe.warmup, 1))
        return (
            recipe.learning_rate * rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * position)))
        )

    @torch.no_grad()
    def _update_average(self) -> None:
        if self.recipe.average:
            decay = min(self.recipe.average, self.steps / (self.steps + 100))
            torch._foreach_lerp_(
                self._average, [p.detach() for p in self.model.parameters()], 1 - decay
            )

    @torch.no_grad()
    def _swap(self) -> None:
        """Exchange the weights and their average."""
        for parameter, average in zip(self.model.parameters(), self._average):
            kept = parameter.detach().clone()
            parameter.copy_(average)
            average.copy_(kept)

    def _averaged_accuracy(self) -> float:
        if not self.recipe.average:
            return self.accuracy()
        self._swap()
        result = self.accuracy()
        self._swap()
        return result

    def _save(self, path: Path, epoch: int) -> None:
        save_state(
            path,
            {
                "epoch": epoch,
                "steps": self.steps,
                "recipe": asdict(self.recipe),
                "model": self.model.state_dict(),
                "average": self._average,
                "optimiser": self._optimiser.state_dict(),
                "random": random_state(self.device),
            },
        )

    def _resume(self, path: Path) -> int:
        state = load_state(path, self.device)
        wanted = asdict(self.recipe)
        stored: Mapping[str, Any] = state.get("recipe", {})
        other = [name for name in wanted if stored.get(name) != wanted[name]]
        if other:
            raise CheckpointError(
                f"{path} was written with {other[0]} = {stored.get(other[0])}, not "
                f"{wanted[other[0]]}: resume with the same options"
            )
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        with torch.no_grad():
            for average, values in zip(self._average, state["average"]):
                average.copy_(values)
        self.steps = int(state["steps"])
        restore_random_state(state["random"], self.device)
        return int(state["epoch"])


def _optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; matrices decay, vectors and embeddings of tokens do not."""
    named = list(model.named_parameters())
    matrices = [p for name, p in named if p.ndim > 1 and name not in ("cls_token", "pos_embed")]
    others = [p for name, p in named if p.ndim <= 1 or name in ("cls_token", "pos_embed")]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": recipe.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
        betas=(0.9, 0.99),
        fused=next(model.parameters()).is_cuda,
    )


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
