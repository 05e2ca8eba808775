# SPDX-License-Identifier: Apache-2.0
"""First stage: C++ to LLVM IR with clang, and LLVM IR text to dataclasses."""
