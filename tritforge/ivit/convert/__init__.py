# SPDX-License-Identifier: Apache-2.0
"""Converter: a vision transformer's checkpoint becomes one model image."""

from tritforge.ivit.convert.converter import (
    VisionConversionOptions,
    VisionConversionReport,
    convert_vision,
)

__all__ = ["VisionConversionOptions", "VisionConversionReport", "convert_vision"]
