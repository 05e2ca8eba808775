# SPDX-License-Identifier: Apache-2.0
"""Third stage: a step to XLS IR and SystemVerilog, and the modules around the result."""
