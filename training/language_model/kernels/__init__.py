# SPDX-License-Identifier: Apache-2.0
"""Triton kernels for training on a GPU; each is tested against plain PyTorch.

They also run in Triton's interpreter on any CPU (`TRITON_INTERPRET=1`).
"""
