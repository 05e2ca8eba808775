# SPDX-License-Identifier: Apache-2.0
"""Learning rate and weight decay of each step."""

from __future__ import annotations

import math

from training.language_model.options import TrainingOptions

#: Share of the largest learning rate that a cosine ends with.
FINAL_SHARE = 0.1


def learning_rate(options: TrainingOptions, step: int) -> float:
    """Learning rate of a step, the first being 0.

    The two-stage schedule halves the cosine from the middle on, as the paper does for ternary
    weights (arXiv 2406.02528, "Learning Rate as a Crucial Factor").
    """
    warmed = min(1.0, (step + 1) / (options.warm_up + 1))
    done = step / options.steps
    cosine = FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * done))
    stage = 0.5 if _in_second_stage(options, step) else 1.0
    return options.learning_rate * warmed * cosine * stage


def weight_decay(options: TrainingOptions, step: int) -> float:
    """Weight decay of a step: none in the second of two stages."""
    return 0.0 if _in_second_stage(options, step) else options.weight_decay


def _in_second_stage(options: TrainingOptions, step: int) -> bool:
    return options.schedule == "two-stage" and 2 * step >= options.steps
