# SPDX-License-Identifier: Apache-2.0
"""Second stage: LLVM IR of one top function to the description of a step."""
