# SPDX-License-Identifier: Apache-2.0
"""Notebooks for a PYNQ board; `pynq get-notebooks tritforge` copies them.

Without a board they run on the simulated one, unchanged.
"""
