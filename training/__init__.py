# SPDX-License-Identifier: Apache-2.0
"""Training of the models that Tritforge runs; needs PyTorch (extra `train`)."""
