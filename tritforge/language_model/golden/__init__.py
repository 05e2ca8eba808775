# SPDX-License-Identifier: Apache-2.0
"""The golden integer model: the specification of the machine, in NumPy.

Every hardware process has a module of its name; `GoldenModel` (model.py) composes their arithmetic
for a batch of streams, `GoldenMachine` (machine.py) composes all of them at the machine's words.
Every array is int64 so that no intermediate wraps; every width is enforced by an explicit
saturation. No float touches a per-element value.
"""
