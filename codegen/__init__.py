# SPDX-License-Identifier: Apache-2.0
"""Tritforge's generator: from one `AcceleratorConfig` to a self-contained HLS C++ project.

Algorithms live in the headers of `hls/include`; the templates here carry values and instances.
The output depends on the configuration and the generator's version only, not on time or place.
"""
