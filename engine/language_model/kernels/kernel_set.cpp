// SPDX-License-Identifier: Apache-2.0
#include "language_model/kernels/kernel_set.hpp"

#include "common/kernel_choice.hpp"

namespace tritforge::engine::language_model {

std::vector<const KernelSet*> available_kernel_sets() {
    // Slowest first.
    const KernelSet* const compiled[] = {
        &kPortableKernels,
#if defined(TRITFORGE_ARM)
        &kNeonKernels,
#endif
#if defined(TRITFORGE_ARM64)
        &kNeonDotprodKernels,
#endif
#if defined(TRITFORGE_X86)
        &kAvx2Kernels,        &kAvxVnniKernels, &kAvx512VlVnniKernels, &kAvx512VnniKernels,
#endif
#if defined(TRITFORGE_AMX)
        &kAmxInt8Kernels,
#endif
    };
    return supported_sets(compiled);
}

const KernelSet& find_kernel_set(const char* name) {
    return set_by_name(available_kernel_sets(), name);
}

}  // namespace tritforge::engine::language_model
