# SPDX-License-Identifier: Apache-2.0
"""Multi-head attention between two projections: head by head q * k, Shiftmax, probability * v.

    scores[i, j]  = requantise(sum over c of q[i, c] * k[j, c])
    probabilities = Shiftmax of every row of scores
    context[i, c] = requantise(sum over j of probabilities[i, j] * v[j, c])

The factor 1 / sqrt(head_dim) multiplies the scale only, so it is in the scores' requantisation.

Source: Attention of zkkli/I-ViT, models/vit_quant.py.
"""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.matrix_product import matrix_product
from tritforge.ivit.golden.requantise import requantise
from tritforge.ivit.golden.shiftmax import shiftmax
from tritforge.ivit.golden.trace import Trace, note
from tritforge.ivit.parameters import AttentionParameters
from tritforge.ivit.shape import VisionUnits
from tritforge.ivit.sites import CONTEXT, SCORES

PROBABILITIES = "attn.int_softmax"


def attention(
    qkv: Int64Array,
    parameters: AttentionParameters,
    units: VisionUnits,
    trace: Trace | None = None,
    prefix: str = "",
) -> Int64Array:
    """Context of every token, heads joined: the input of the output projection.

    Args:
        qkv: (batch, tokens, 3 * dim) int64 of widths.activation bits: query, key and value of all
            heads.
        trace: receives scores, probabilities and context, with `prefix` in front of their names.

    Returns:
        (batch, tokens, dim) int64 of widths.activation bits.
    """
    batch, tokens, _ = qkv.shape
    heads, head_dim, bits = units.shape.heads, units.shape.head_dim, units.widths.activation
    split = qkv.reshape(batch, tokens, 3, heads, head_dim).transpose(2, 0, 3, 1, 4)
    query, key, value = split
    scores = requantise(matrix_product(query, key), parameters.scores, bits)
    note(trace, prefix + SCORES, scores)
    probabilities = shiftmax(scores, int(parameters.x0_magnitude[0]), units.shiftmax)
    note(trace, prefix + PROBABILITIES, probabilities)
    sums = matrix_product(probabilities, np.swapaxes(value, -1, -2))
    joined = sums.transpose(0, 2, 1, 3).reshape(batch, tokens, units.shape.dim)
    return note(trace, prefix + CONTEXT, requantise(joined, parameters.context, bits))
