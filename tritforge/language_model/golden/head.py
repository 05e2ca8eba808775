# SPDX-License-Identifier: Apache-2.0
"""Head: the output packet with the best tokens of every lane, and all scores if asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tritforge.fixed_point import Int64Array
from tritforge.language_model.config import TOP_K
from tritforge.language_model.golden.headers import HeadHeader
from tritforge.language_model.wire.output_packet import (
    NO_TOKEN,
    Scoreboard,
    aborted_output,
    encode_output,
)
from tritforge.language_model.wire.words import Words


def output_packet(
    headers: Sequence[HeadHeader], scores: Int64Array | None, rows_per_beat: int
) -> Words:
    """Output packet of one run.

    Args:
        headers: those of the run: of its HEAD, if it had one, and of its end.
        scores: (2, lanes, tokens) sums and logits, as the dequantiser sends them; None without a
            HEAD.
    """
    if headers[-1].abort:
        return aborted_output()
    assert scores is not None, "a run with a HEAD has scores"
    return encode_output(scoreboard(headers[0], scores[0], scores[1]), rows_per_beat)


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
