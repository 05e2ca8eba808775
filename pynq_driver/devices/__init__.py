# SPDX-License-Identifier: Apache-2.0
"""Devices: what executes the runs of a machine, behind one interface."""
