# SPDX-License-Identifier: Apache-2.0
"""Seeded faults: changes of one place each that a test must notice, every one written once."""
