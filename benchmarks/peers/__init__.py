# SPDX-License-Identifier: Apache-2.0
"""Engines that `benchmarks.compare_peers` measures, each in a process of its own.

Modules here import neither tritforge nor pynq_driver, but for the one that measures them: the peers
may live in an environment that has only the peers.
"""
