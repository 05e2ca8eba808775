// SPDX-License-Identifier: Apache-2.0
// The NEON kernels with SDOT, for 64-bit ARM CPUs with the dot product extension.
#define TRITFORGE_DOTPROD

#include "language_model/kernels/neon.cpp"
