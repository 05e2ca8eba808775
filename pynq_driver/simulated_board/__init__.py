# SPDX-License-Identifier: Apache-2.0
"""A PYNQ board without a board: what PYNQ and the driver see is simulated, they are not."""
