# SPDX-License-Identifier: Apache-2.0
"""Executions of a translated function: C-simulation, interpreter and Verilated RTL."""
