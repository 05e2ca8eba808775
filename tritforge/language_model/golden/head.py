# SPDX-License-Identifier: Apache-2.0
"""Head: the output packet with the best tokens of every lane, and all scores if asked for."""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import Int64Array
from tritforge.language_model.config import TOP_K
from tritforge.language_model.golden.headers import HeadHeader
from tritforge.language_model.wire.output_packet import NO_TOKEN, Scoreboard


def scoreboard(header: HeadHeader, sums: Int64Array, logits: Int64Array) -> Scoreboard:
    """What the head sends of a run that goes well.

    The best tokens are those of the largest sums; of equal sums, the lower token comes first.

    Args:
        sums: (lanes, header.tokens) int64, widths.accumulator bits.
        logits: of the same shape, widths.logit bits.
    """
    # A stable sort keeps the lower token first among equals.
    best = np.argsort(-sums, axis=-1, kind="stable")[:, :TOP_K]
    missing = ((0, 0), (0, TOP_K - best.shape[1]))
    return Scoreboard(
        logits if header.all_logits else None,
        sums if header.all_logits else None,
        np.pad(best, missing, constant_values=NO_TOKEN),
        np.pad(np.take_along_axis(logits, best, axis=-1), missing),
    )
