# SPDX-License-Identifier: Apache-2.0
"""Golden functions of the integer-only vision transformer I-ViT (arXiv 2207.01405)."""

from tritforge.ivit.config import LayerNormConfig, RowUnitConfig, ShiftgeluConfig, ShiftmaxConfig
from tritforge.ivit.golden.attention import attention
from tritforge.ivit.golden.head import head
from tritforge.ivit.golden.input_quantiser import input_quantiser
from tritforge.ivit.golden.layer_norm import layer_norm
from tritforge.ivit.golden.linear import linear
from tritforge.ivit.golden.matrix_product import matrix_product
from tritforge.ivit.golden.mlp import mlp
from tritforge.ivit.golden.model import IvitGoldenModel
from tritforge.ivit.golden.patch_embedding import patch_embedding
from tritforge.ivit.golden.requantise import dyadic_product, requantise
from tritforge.ivit.golden.residual_add import residual_add
from tritforge.ivit.golden.shift_exponential import (
    shift_exponential,
    sigmoid_x0_magnitude_of,
    x0_magnitude_of,
)
from tritforge.ivit.golden.shiftgelu import shiftgelu
from tritforge.ivit.golden.shiftmax import shiftmax
from tritforge.ivit.golden.trace import Trace

__all__ = [
    "IvitGoldenModel",
    "LayerNormConfig",
    "RowUnitConfig",
    "ShiftgeluConfig",
    "ShiftmaxConfig",
    "Trace",
    "attention",
    "dyadic_product",
    "head",
    "input_quantiser",
    "layer_norm",
    "linear",
    "matrix_product",
    "mlp",
    "patch_embedding",
    "requantise",
    "residual_add",
    "shift_exponential",
    "shiftgelu",
    "shiftmax",
    "sigmoid_x0_magnitude_of",
    "x0_magnitude_of",
]
