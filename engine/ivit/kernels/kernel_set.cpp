// SPDX-License-Identifier: Apache-2.0
#include "ivit/kernels/kernel_set.hpp"

#include "common/kernel_choice.hpp"
#include "ivit/kernels/kernel_check.hpp"

namespace tritforge::engine::ivit {
namespace {

/// Not every kernel has run on every processor that has its instructions, so each is tried before
/// it is offered.
bool is_right(const KernelSet& kernel_set) {
    std::mt19937 random;
    // Whole vectors and panels, and a rest of each.
    return count_wrong_sums(kernel_set, 70, 131, random) == 0 &&
           count_wrong_rows(kernel_set, 197, random) == 0;
}

std::vector<const KernelSet*> find_kernel_sets() {
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
        &kAvx2Kernels,        &kAvxVnniKernels, &kAvx512VnniKernels,
#endif
    };
    std::vector<const KernelSet*> right;
    for (const KernelSet* kernel_set : supported_sets(compiled)) {
        if (is_right(*kernel_set)) right.push_back(kernel_set);
    }
    return right;
}

}  // namespace

const std::vector<const KernelSet*>& available_kernel_sets() {
    static const std::vector<const KernelSet*> available = find_kernel_sets();
    return available;
}

const KernelSet& find_kernel_set(const char* name) {
    return set_by_name(available_kernel_sets(), name);
}

}  // namespace tritforge::engine::ivit
