# SPDX-License-Identifier: Apache-2.0
"""MLP of a block: linear layer, ShiftGELU over the hidden channels of a token, linear layer.

The maximum of ShiftGELU is over all hidden channels of a token, so the second layer cannot start
before the first has ended.

Source: Mlp of zkkli/I-ViT, models/layers_quant.py.
"""

from __future__ import annotations

from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.linear import linear
from tritforge.ivit.golden.requantise import requantise
from tritforge.ivit.golden.shiftgelu import shiftgelu
from tritforge.ivit.golden.trace import Trace, note
from tritforge.ivit.parameters import MlpParameters
from tritforge.ivit.shape import VisionUnits
from tritforge.ivit.sites import GELU, HIDDEN, MLP_OUTPUT


def mlp(
    x: Int64Array,
    parameters: MlpParameters,
    units: VisionUnits,
    trace: Trace | None = None,
    prefix: str = "",
) -> Int64Array:
    """Branch of the second residual add.

    Args:
        x: (batch, tokens, dim) int64 of widths.activation bits.
        trace: receives the integers of every site, with `prefix` in front of their names.

    Returns:
        (batch, tokens, dim) int64 of widths.residual bits.
    """
    bits = units.widths.activation
    hidden = note(trace, prefix + HIDDEN, linear(x, parameters.fc1, bits))
    product = shiftgelu(hidden, int(parameters.x0_magnitude[0]), units.shiftgelu)
    activation = note(trace, prefix + GELU, requantise(product, parameters.gelu, bits))
    output = linear(activation, parameters.fc2, units.widths.residual)
    return note(trace, prefix + MLP_OUTPUT, output)
