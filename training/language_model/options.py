# SPDX-License-Identifier: Apache-2.0
"""What a training run is made of; a resumed run must be made of the same."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from tritforge.checks import check_integer, is_number, settle_numbers
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import ModelShape, SigmoidKind

SCHEDULES = ("cosine", "two-stage")
OPTIMISERS = ("adamw", "muon")
SIGMOIDS = ("exact", *map(str, SigmoidKind))
KERNELS = ("auto", "fused", "plain")
_LARGEST = 1 << 31


@dataclass(frozen=True)
class TrainingOptions:
    """Numbers and choices that decide the losses of a run.

    Attributes:
        shape: the model.
        steps: updates of the parameters.
        batch: sequences of one update, over all processes and micro-batches.
        accumulation: micro-batches of one update in each process.
        length: tokens of a sequence.
        learning_rate: the largest, after the warm-up.
        warm_up: steps of linear growth to it.
        schedule: "cosine" to a tenth, or the paper's "two-stage": half of that in the second half,
            without weight decay there.
        optimiser: "adamw" alone, or "muon" for the matrices of the blocks beside it.
        weight_decay: of the matrices.
        clip: largest norm of all gradients together.
        sigmoid: "exact", or a sigmoid of the machine, which the model then learns with.
        separate_documents: begin each document with a zero state, as every generation does;
            without, the state flows on through the begin token.
        seed: of the first weights and of the order of the data.
    """

    shape: ModelShape
    steps: int = 1000
    batch: int = 16
    accumulation: int = 1
    length: int = 128
    learning_rate: float = 4e-3
    warm_up: int = 50
    schedule: str = "cosine"
    optimiser: str = "adamw"
    weight_decay: float = 0.05
    clip: float = 1.0
    sigmoid: str = "exact"
    separate_documents: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        settle_numbers(self)
        check_integer("steps", self.steps, 1, _LARGEST)
        check_integer("batch", self.batch, 1, 1 << 20)
        check_integer("accumulation", self.accumulation, 1, self.batch)
        check_integer("length", self.length, 2, 1 << 20)
        check_integer("warm_up", self.warm_up, 0, _LARGEST)
        check_integer("seed", self.seed, 0, _LARGEST)
        for name, smallest in (("learning_rate", 0.0), ("clip", 0.0), ("weight_decay", -1e-30)):
            value = getattr(self, name)
            if not is_number(value) or not math.isfinite(value) or value <= smallest:
                raise ConfigurationError(f"{name} = {value!r}: give a positive number")
        if self.schedule not in SCHEDULES:
            raise ConfigurationError(f"schedule {self.schedule!r}: choose one of {SCHEDULES}")
        if self.sigmoid not in SIGMOIDS:
            raise ConfigurationError(f"sigmoid {self.sigmoid!r}: choose one of {SIGMOIDS}")
        if self.optimiser not in OPTIMISERS:
            raise ConfigurationError(f"optimiser {self.optimiser!r}: choose one of {OPTIMISERS}")

    def differences(self, other: TrainingOptions) -> list[str]:
        """Each field that differs, with both values, for a message."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        mine |= mine.pop("shape")
        theirs |= theirs.pop("shape")
        return [
            f"{name} {mine[name]} is not {theirs[name]}"
            for name in mine
            if mine[name] != theirs[name]
        ]

    @classmethod
    def from_record(cls, record: dict[str, object]) -> TrainingOptions:
        """Inverse of `dataclasses.asdict`.

        Raises:
            ConfigurationError: the record is not of this version.
        """
        try:
            shape = ModelShape(**record["shape"])  # type: ignore[arg-type]
            return cls(**{**record, "shape": shape})  # type: ignore[arg-type]
        except (TypeError, KeyError):
            raise ConfigurationError("the saved options are those of another version") from None
