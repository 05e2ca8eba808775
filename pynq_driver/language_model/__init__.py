# SPDX-License-Identifier: Apache-2.0
"""Language models: from a prompt to tokens, on any backend."""
