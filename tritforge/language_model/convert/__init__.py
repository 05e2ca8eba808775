# SPDX-License-Identifier: Apache-2.0
"""Converter: a Hugging Face HGRNBit directory becomes one model image."""

from tritforge.language_model.convert.converter import ConversionOptions, ConversionReport, convert

__all__ = ["ConversionOptions", "ConversionReport", "convert"]
