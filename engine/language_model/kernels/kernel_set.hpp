// SPDX-License-Identifier: Apache-2.0
// A kernel set: the ternary kernel and the element-wise loops compiled for one instruction set.
//
// Plain function pointers instead of virtual functions: a file compiled for AVX-512 must not emit
// inline functions (such as destructors) that the linker could pick for every CPU.
#pragma once

#include <vector>

#include "language_model/kernels/elementwise_loops.hpp"
#include "language_model/kernels/ternary_kernel.hpp"

namespace tritforge::engine::language_model {

/// Everything that the engine chooses by the CPU at hand.
struct KernelSet {
    const char* name;
    bool (*is_supported)();  ///< whether the CPU at hand runs it
    TernaryKernel kernel;
    ElementwiseLoops loops;
};

/// Kernel sets that this CPU runs, slowest first; "portable" is always there.
std::vector<const KernelSet*> available_kernel_sets();

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
extern const KernelSet kAvx2Kernels, kAvxVnniKernels, kAvx512VlVnniKernels, kAvx512VnniKernels;
#endif
#if defined(TRITFORGE_AMX)
extern const KernelSet kAmxInt8Kernels;
#endif

}  // namespace tritforge::engine::language_model
