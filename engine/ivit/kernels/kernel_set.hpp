// SPDX-License-Identifier: Apache-2.0
// A kernel set: the matrix products and the loops over rows compiled for one instruction set.
//
// Plain function pointers instead of virtual functions: a file compiled for AVX-512 must not emit
// inline functions (such as destructors) that the linker could pick for every CPU.
#pragma once

#include <vector>

#include "ivit/kernels/product_kernel.hpp"
#include "ivit/kernels/row_loops.hpp"

namespace tritforge::engine::ivit {

/// Everything that the engine chooses by the CPU at hand.
struct KernelSet {
    const char* name;
    bool (*is_supported)();  ///< whether the CPU at hand runs it
    ProductKernel bytes;     ///< int8 weights and inputs
    ProductKernel words;     ///< int8 weights and inputs of 16 bits, which need no preparation
    RowLoops loops;
};

/// Kernel sets that this CPU runs and that got some random products and rows right, slowest first;
/// "portable" is always there. Found once for the whole process.
const std::vector<const KernelSet*>& available_kernel_sets();

/// The kernel set of that name, or the fastest one for "auto".
/// Throws std::invalid_argument: unknown or not supported by this CPU.
const KernelSet& find_kernel_set(const char* name);

extern const KernelSet kPortableKernels;
#if defined(TRITFORGE_ARM)
extern const KernelSet kNeonKernels;
#endif
#if defined(TRITFORGE_ARM64)
extern const KernelSet kNeonDotprodKernels;
#endif
#if defined(TRITFORGE_X86)
extern const KernelSet kAvx2Kernels, kAvxVnniKernels, kAvx512VnniKernels;
#endif

}  // namespace tritforge::engine::ivit
