// SPDX-License-Identifier: Apache-2.0
// Which of the kernel sets that were compiled the processor at hand runs, and the choice by name.
#pragma once

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace tritforge::engine {

/// Compiled sets that this CPU runs, in their order: slowest first.
template <class KernelSet, std::size_t kCount>
std::vector<const KernelSet*> supported_sets(const KernelSet* const (&compiled)[kCount]) {
    std::vector<const KernelSet*> supported;
    for (const KernelSet* kernel_set : compiled) {
        if (kernel_set->is_supported()) supported.push_back(kernel_set);
    }
    return supported;
}

/// The set of that name, or the last and fastest one for "auto".
/// Throws std::invalid_argument: unknown or not supported by this CPU.
template <class KernelSet>
const KernelSet& set_by_name(const std::vector<const KernelSet*>& supported, const char* name) {
    if (std::strcmp(name, "auto") == 0) return *supported.back();
    std::string names = "auto";
    for (const KernelSet* kernel_set : supported) {
        if (std::strcmp(name, kernel_set->name) == 0) return *kernel_set;
        names += std::string(", ") + kernel_set->name;
    }
    throw std::invalid_argument(std::string("kernel '") + name +
                                "' is not available on this CPU: choose one of " + names);
}

/// Names of the sets, for messages and choices.
template <class KernelSet>
std::vector<std::string> set_names(const std::vector<const KernelSet*>& supported) {
    std::vector<std::string> names;
    for (const KernelSet* kernel_set : supported) names.emplace_back(kernel_set->name);
    return names;
}

}  // namespace tritforge::engine
