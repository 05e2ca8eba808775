# SPDX-License-Identifier: Apache-2.0
"""Scripts that measure; each prints the figures that the documentation quotes."""
