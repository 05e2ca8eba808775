# SPDX-License-Identifier: Apache-2.0
"""A model on several boards: each has some of its layers, and hidden vectors travel over MPI."""
