# SPDX-License-Identifier: Apache-2.0
"""The machine of vision transformers: its configuration, operations, memories and cycles."""
