// SPDX-License-Identifier: Apache-2.0
#include "language_model/kernels/kernel_set.hpp"

#include <cstring>
#include <stdexcept>
#include <string>

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
    std::vector<const KernelSet*> available;
    for (const KernelSet* kernel_set : compiled) {
        if (kernel_set->is_supported()) available.push_back(kernel_set);
    }
    return available;
}

const KernelSet& find_kernel_set(const char* name) {
    const std::vector<const KernelSet*> available = available_kernel_sets();
    if (std::strcmp(name, "auto") == 0) return *available.back();
    std::string names = "auto";
    for (const KernelSet* kernel_set : available) {
        if (std::strcmp(name, kernel_set->name) == 0) return *kernel_set;
        names += std::string(", ") + kernel_set->name;
    }
    throw std::invalid_argument(std::string("kernel '") + name +
                                "' is not available on this CPU: choose one of " + names);
}

}  // namespace tritforge::engine::language_model
