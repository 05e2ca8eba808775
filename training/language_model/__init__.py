# SPDX-License-Identifier: Apache-2.0
"""Training of MatMul-free language models (HGRNBit, arXiv 2406.02528)."""
