# SPDX-License-Identifier: Apache-2.0
"""Backends of a vision transformer: what turns pixels into logits."""
