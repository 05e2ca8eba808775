# SPDX-License-Identifier: Apache-2.0
"""Gated linear unit: SiLU(gate) * up (arXiv 2406.02528, section 3.3.2)."""

from __future__ import annotations

from tritforge.fixed_point import Int64Array, SaturationFlags, round_half_up, saturate
from tritforge.language_model.config import SigmoidKind, Widths
from tritforge.language_model.golden.sigmoid import silu


def gated_product(
    gate: Int64Array,
    up: Int64Array,
    product_shift: int,
    widths: Widths,
    flags: SaturationFlags,
    kind: SigmoidKind = SigmoidKind.TABLE,
) -> Int64Array:
    """Operand of the down projection: SiLU(gate) * up, rounded by `product_shift`.

    Args:
        gate: pre-activation, (batch, glu_width), widths.preactivation bits.
        up: raw accumulator, (batch, glu_width); its scale cancels in the norm that follows.
    """
    multiplicand = saturate(up, widths.gate_operand, flags, "up_operand")
    activation = silu(gate, widths.preactivation_fraction, widths, flags, "silu_gate", kind)
    product = multiplicand * activation
    return saturate(round_half_up(product, product_shift), widths.operand, flags, "operand")
