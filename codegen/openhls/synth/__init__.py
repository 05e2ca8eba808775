# SPDX-License-Identifier: Apache-2.0
"""Resource estimates of SystemVerilog modules with yosys."""
