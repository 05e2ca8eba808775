# SPDX-License-Identifier: Apache-2.0
"""Shared ground of tests and benchmarks: random models, runs, devices and seeded faults."""
