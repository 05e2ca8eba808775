# SPDX-License-Identifier: Apache-2.0
"""The losses of a run as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from training.language_model.loss_log import LogLine
from tritforge.whole_file import whole_file


def plot_losses(lines: Sequence[LogLine], path: Path) -> bool:
    """Draw training and validation loss over tokens; the suffix of `path` is the format.

    Returns:
        Whether matplotlib (extra `plot`) is installed; without it nothing is written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([line.tokens for line in lines], [line.loss for line in lines], label="training")
    held_out = [
        (line.tokens, line.validation_loss) for line in lines if line.validation_loss is not None
    ]
    axes.plot(*zip(*held_out), marker="o", label="held out")
    axes.set_xlabel("tokens")
    axes.set_ylabel("nats per token")
    axes.legend()
    axes.grid(alpha=0.3)
    with whole_file(path) as part:
        figure.savefig(part)
    return True
