# SPDX-License-Identifier: Apache-2.0
"""Mutated model images and checkpoints: nothing may crash, hang or pass unseen."""
