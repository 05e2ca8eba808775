# SPDX-License-Identifier: Apache-2.0
"""Story grammar: short stories in simple English, as many as are wanted, from seeds alone."""
