# SPDX-License-Identifier: Apache-2.0
"""A machine on a PYNQ board, through PYNQ's own classes."""
