# SPDX-License-Identifier: Apache-2.0
"""Vectors of the units of I-ViT: stimuli, and what the golden module of the same name expects."""
