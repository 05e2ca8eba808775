# SPDX-License-Identifier: Apache-2.0
"""The golden integer model: the specification of the machine, in NumPy, one unit a module.

Every array is int64 so that no intermediate wraps; every width is enforced by an explicit
saturation. No float touches a per-element value.
"""
