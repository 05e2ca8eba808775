# SPDX-License-Identifier: Apache-2.0
"""The commands' parts for vision models."""
