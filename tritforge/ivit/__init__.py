# SPDX-License-Identifier: Apache-2.0
"""Integer-only vision transformers (I-ViT, arXiv 2207.01405)."""
