# SPDX-License-Identifier: Apache-2.0
"""Units of integer-only vision transformers (I-ViT)."""
