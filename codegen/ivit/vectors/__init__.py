# SPDX-License-Identifier: Apache-2.0
"""Golden vectors of the units of I-ViT, one module per unit."""
