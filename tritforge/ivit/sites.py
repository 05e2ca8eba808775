# SPDX-License-Identifier: Apache-2.0
"""Activation sites: where upstream has a QuantAct, by its name in a state dict.

Source: models/vit_quant.py of zkkli/I-ViT. `NAME.act_scaling_factor` of a checkpoint is the scale
of site NAME.
"""

from __future__ import annotations

from collections.abc import Mapping

from tritforge.ivit.shape import VisionShape, VisionWidths

INPUT = "qact_input"
PATCHES = "patch_embed.qact"
POSITION = "qact_pos"
EMBEDDING = "qact1"
HEAD_INPUT = "qact2"

#: Sites of one block, with `blocks.<i>.` in front.
ATTENTION_INPUT = "qact1"
QKV = "attn.qact1"
SCORES = "attn.qact_attn1"
CONTEXT = "attn.qact2"
PROJECTION = "attn.qact3"
ATTENTION_RESIDUAL = "qact2"
MLP_INPUT = "qact3"
HIDDEN = "mlp.qact_gelu"
GELU = "mlp.qact1"
MLP_OUTPUT = "mlp.qact2"
MLP_RESIDUAL = "qact4"

_BLOCK_ACTIVATIONS = (ATTENTION_INPUT, QKV, SCORES, CONTEXT, MLP_INPUT, HIDDEN, GELU)
_BLOCK_SITES = (
    ATTENTION_INPUT,
    QKV,
    SCORES,
    CONTEXT,
    PROJECTION,
    ATTENTION_RESIDUAL,
    MLP_INPUT,
    HIDDEN,
    GELU,
    MLP_OUTPUT,
    MLP_RESIDUAL,
)


def block_site(layer: int, site: str) -> str:
    """Full name of a site of one block."""
    return f"blocks.{layer}.{site}"


def activation_sites(shape: VisionShape, widths: VisionWidths) -> Mapping[str, int]:
    """Bits of every activation site, in order of computation."""
    sites = {
        INPUT: widths.activation,
        PATCHES: widths.residual,
        POSITION: widths.residual,
        EMBEDDING: widths.residual,
    }
    for layer in range(shape.layers):
        for site in _BLOCK_SITES:
            bits = widths.activation if site in _BLOCK_ACTIVATIONS else widths.residual
            sites[block_site(layer, site)] = bits
    sites[HEAD_INPUT] = widths.activation
    return sites
