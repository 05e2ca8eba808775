# SPDX-License-Identifier: Apache-2.0
"""Open flow: HLS C++ to simulated SystemVerilog with tools from PyPI (docs/open-flow.md)."""
