# SPDX-License-Identifier: Apache-2.0
"""From processes to a machine: network, Vitis form, C-simulation, top.sv and Verilated library."""
