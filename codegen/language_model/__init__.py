# SPDX-License-Identifier: Apache-2.0
"""The language model's machine: its units, their vectors and the network that joins them."""
