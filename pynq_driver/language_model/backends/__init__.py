# SPDX-License-Identifier: Apache-2.0
"""Backends: what executes a model image, behind one interface.

The integer backends give the same scores bit for bit; `float` is the reference of the paper's
equations. `opening` opens one by name.
"""
