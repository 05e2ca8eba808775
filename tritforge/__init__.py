# SPDX-License-Identifier: Apache-2.0
"""Ground floor of Tritforge: configuration, golden integer model, image format and converter.

The generator (`codegen`) and the driver (`pynq_driver`) both stand on this package and never on
each other.
"""

__version__ = "0.1.0"
