# SPDX-License-Identifier: Apache-2.0
"""HGRNBit language models: configuration, image, golden model and converter."""
