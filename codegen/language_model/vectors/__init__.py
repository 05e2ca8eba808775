# SPDX-License-Identifier: Apache-2.0
"""Golden vectors: inputs of every test bench and what the NumPy golden model makes of them.

One module a unit, one text file a module (docs: `vector_file`). Random numbers come from
`numpy.random.RandomState`, whose streams NumPy keeps stable across versions, as int64 everywhere.
"""
