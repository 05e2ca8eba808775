// SPDX-License-Identifier: Apache-2.0
// The NEON kernel with SDOT, for 64-bit ARM CPUs with the dot product extension.
#define TRITFORGE_DOTPROD

#include "backend_neon.cpp"
