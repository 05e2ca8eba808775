# SPDX-License-Identifier: Apache-2.0
"""Head: norm of the class token, classifier, and logits of all classes in one unit.

Upstream's sums have a scale per class, so that their largest need not be the largest logit; it
multiplies them in float32. Here the classifier's requantisation brings them to units of
2**-logit_fraction: the largest integer is the answer.

Source: VisionTransformer.forward of zkkli/I-ViT, models/vit_quant.py.
"""

from __future__ import annotations

from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.layer_norm import layer_norm
from tritforge.ivit.golden.linear import linear
from tritforge.ivit.golden.requantise import requantise
from tritforge.ivit.golden.trace import Trace, note
from tritforge.ivit.parameters import HeadParameters
from tritforge.ivit.shape import ACCUMULATOR_BITS, VisionUnits
from tritforge.ivit.sites import HEAD_INPUT


def head(
    residual: Int64Array,
    parameters: HeadParameters,
    units: VisionUnits,
    trace: Trace | None = None,
) -> Int64Array:
    """Logits of images; only the class token counts.

    Args:
        residual: (batch, tokens, dim) int64 of widths.residual bits.

    Returns:
        (batch, classes) int64, 32 signed bits, in units of 2**-logit_fraction.
    """
    norm = parameters.norm
    row = layer_norm(residual[:, 0], norm.bias, units.layer_norm)
    activation = requantise(row, norm.requantisation, units.widths.activation)
    note(trace, HEAD_INPUT, activation)
    return linear(activation, parameters.classifier, ACCUMULATOR_BITS)
