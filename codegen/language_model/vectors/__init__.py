# SPDX-License-Identifier: Apache-2.0
"""Vectors of every test bench: the stimuli, and what the golden module of the same name expects.

Cases, random data, corners and packet shapes are made here; every expected value comes from
`tritforge.language_model.golden`. Random numbers come from `numpy.random.RandomState`, whose
streams NumPy keeps stable across versions, as int64 everywhere.
"""
