# SPDX-License-Identifier: Apache-2.0
"""Kernels, words and cases for the open flow."""
