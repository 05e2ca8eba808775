# SPDX-License-Identifier: Apache-2.0
"""Training, calibration and quantisation-aware training of vision transformers."""
