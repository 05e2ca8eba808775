# SPDX-License-Identifier: Apache-2.0
"""Command line. Only this package may import the generator and the driver."""
