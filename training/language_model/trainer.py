# SPDX-License-Identifier: Apache-2.0
"""The loop: gradients of a batch, update, log, held-out loss, checkpoint."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from training.language_model.batches import batch_starts, sequences
from training.language_model.checkpoint_folder import save_model
from training.language_model.corpus import Corpus
from training.language_model.graphed_gradients import GraphedGradients
from training.language_model.loss_log import LogLine, LossLog
from training.language_model.loss_plot import plot_losses
from training.language_model.model import HGRNBit, ModelLoss
from training.language_model.optimisers import Optimisers
from training.language_model.options import TrainingOptions
from training.language_model.parallel import Processes
from training.language_model.schedule import learning_rate, weight_decay
from training.language_model.training_state import TrainingState, load_state, save_state
from training.language_model.whole_state import fill_model, model_state
from tritforge.errors import ConfigurationError, TritforgeError

STATE_FILE = "training_state.pt"
LOG_FILE = "log.csv"
PLOT_FILE = "loss.svg"


@dataclass(frozen=True)
class Habits:
    """How often a run does what does not change its losses.

    Attributes:
        log_every: steps between log lines.
        validate_every: steps between measurements of the held-out loss.
        save_every: steps between saved states.
        compile_blocks: run the blocks under `torch.compile`.
        shard: each process keeps its share of parameters, gradients and optimiser state alone.
    """

    log_every: int = 10
    validate_every: int = 100
    save_every: int = 200
    compile_blocks: bool = False
    shard: bool = False


class Trainer:
    """A run in a folder."""

    def __init__(
        self,
        model: HGRNBit,
        corpus: Corpus,
        options: TrainingOptions,
        habits: Habits,
        folder: Path,
        group: Processes,
        resume: bool,
    ) -> None:
        """
        Args:
            model: on the device of the group, with its first weights.
            resume: go on from the state in the folder.

        Raises:
            TritforgeError: the batch does not divide, or the state is of another run.
        """
        shares = group.count * options.accumulation
        if options.batch % shares:
            raise ConfigurationError(
                f"batch = {options.batch} does not divide into {group.count} processes of "
                f"{options.accumulation} micro-batches: give a multiple of {shares}"
            )
        if habits.shard and options.optimiser == "muon":
            raise ConfigurationError(
                "Muon needs whole matrices: choose --optimiser adamw or leave out --shard"
            )
        self._model, self._corpus, self._options = model, corpus, options
        self._habits, self._folder, self._group = habits, folder, group
        loss: nn.Module = ModelLoss(model)
        if habits.shard and group.count > 1:
            # The kernels read a block's parameters without calling the block.
            for block in () if model.is_fused else model.model.layers:
                fully_shard(block, mesh=group.mesh())
            fully_shard(loss, mesh=group.mesh())
        self._optimisers = Optimisers(model, options)
        self._text = corpus.digest
        self._step = self._restore() if resume else 0
        self._log = LossLog(folder / LOG_FILE, self._step)
        if habits.compile_blocks:
            for block in model.model.layers:
                block.compile()
        if group.count > 1 and not habits.shard:
            devices = [group.device] if group.device.type == "cuda" else None
            loss = DistributedDataParallel(loss, device_ids=devices)
        self._loss = loss
        self._graphed: GraphedGradients | None = None
        # Several processes and micro-batches add to gradients, which a replay would overwrite.
        self._is_graphed = model.is_fused and shares == 1 and group.device.type == "cuda"

    def run(self) -> float:
        """Train to the last step; returns the held-out loss in nats per token."""
        habits, steps = self._habits, self._options.steps
        validation = None
        clock = time.perf_counter()
        logged = self._step
        with tqdm(
            total=steps,
            initial=self._step,
            unit="step",
            desc="train",
            disable=None if self._group.is_first else True,
        ) as bar:
            while self._step < steps:
                loss = self._update()
                self._step += 1
                is_last = self._step == steps
                validation = None
                if is_last or self._step % habits.validate_every == 0:
                    validation = self.validate()
                if is_last or validation is not None or self._step % habits.log_every == 0:
                    now = time.perf_counter()
                    speed = (self._step - logged) * self._tokens_per_step / (now - clock)
                    clock, logged = now, self._step
                    self._write_log(self._group.mean(float(loss)), validation, speed)
                    bar.set_postfix_str(f"loss {float(loss):.3f}", refresh=False)
                if is_last or self._step % habits.save_every == 0:
                    self.save()
                bar.update()
        return self.validate() if validation is None else validation

    @property
    def _tokens_per_step(self) -> int:
        return self._options.batch * self._options.length

    def _update(self) -> Tensor:
        """One step; returns this process's mean loss."""
        options, group = self._options, self._group
        starts = batch_starts(
            options.seed, self._step, options.batch, len(self._corpus.training), options.length
        )
        shares = starts.reshape(options.accumulation, group.count, -1)[:, group.rank]
        if self._is_graphed:
            share = sequences(self._corpus.training, shares[0], options.length, group.device)
            total = self._replayed(*share)
            self._step_optimisers()
            return total
        total = torch.zeros((), device=group.device)
        for index, share in enumerate(shares):
            tokens, targets = sequences(self._corpus.training, share, options.length, group.device)
            is_last = index == len(shares) - 1
            if isinstance(self._loss, FSDPModule):
                self._loss.set_requires_gradient_sync(is_last)
            with self._synchronised(is_last), self._precision():
                loss = self._loss(tokens, targets) / len(shares)
                loss.backward()
            total += loss.detach()
        self._step_optimisers()
        return total

    def _step_optimisers(self) -> None:
        options = self._options
        nn.utils.clip_grad_norm_(self._model.parameters(), options.clip)
        self._optimisers.step(learning_rate(options, self._step), weight_decay(options, self._step))

    def _replayed(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Loss and gradients through a CUDA graph, recorded with the first batch."""
        if self._graphed is None:
            self._graphed = GraphedGradients(self._loss, tokens, targets)
        return self._graphed(tokens, targets)

    def _synchronised(self, is_last: bool) -> contextlib.AbstractContextManager[None]:
        """Gradients travel between processes once, after the last micro-batch."""
        if is_last or not isinstance(self._loss, DistributedDataParallel):
            return contextlib.nullcontext()
        context: contextlib.AbstractContextManager[None] = self._loss.no_sync()
        return context

    def _precision(self) -> contextlib.AbstractContextManager[None]:
        """Products in bf16 on a GPU, float32 elsewhere."""
        is_gpu = self._group.device.type == "cuda"
        context: contextlib.AbstractContextManager[None] = torch.autocast(
            self._group.device.type, torch.bfloat16, enabled=is_gpu
        )
        return context

    @torch.no_grad()
    def validate(self) -> float:
        """Loss of the held-out text, cut into sequences, in nats per token."""
        options, ids = self._options, self._corpus.validation
        starts = torch.arange(0, len(ids) - options.length, options.length).numpy()
        total = 0.0
        share = max(1, options.batch // (self._group.count * options.accumulation))
        for first in range(0, len(starts), share):
            part = starts[first : first + share]
            tokens, targets = sequences(ids, part, options.length, self._group.device)
            with self._precision():
                total += float(self._loss(tokens, targets)) * len(part)
        return total / len(starts)

    def save(self) -> None:
        """Write the state to go on from, then the checkpoint to convert, log and plot."""
        parameters, optimisers = model_state(self._model), self._optimisers.state()
        if self._group.is_first:
            state = TrainingState(self._options, self._step, self._text, parameters, optimisers)
            save_state(state, self._folder / STATE_FILE)
            save_model(self._model, self._folder, state=parameters)
            plot_losses(self._log.lines, self._folder / PLOT_FILE)
        self._group.wait()

    def _write_log(self, loss: float, validation: float | None, speed: float) -> None:
        if self._group.is_first:
            line = LogLine(
                self._step,
                self._step * self._tokens_per_step,
                loss,
                validation,
                learning_rate(self._options, self._step - 1),
                speed,
            )
            self._log.add(line)

    def _restore(self) -> int:
        path = self._folder / STATE_FILE
        state = load_state(path)
        differences = state.options.differences(self._options)
        if differences:
            raise TritforgeError(
                f"{path} is of a run with other options: {'; '.join(differences)}: give those of "
                "the run, or another --out"
            )
        if state.text != self._text:
            raise TritforgeError(
                f"{path} is of a run on another text: give the same files in the same order, or "
                "another --out"
            )
        try:
            fill_model(self._model, state.model)
            self._optimisers.restore(state.optimisers)
        except (RuntimeError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise TritforgeError(f"{path} does not fit this model: {reason}") from None
        return state.step
