// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <stdexcept>
#include <string>

#include "tritforge/backend.hpp"

namespace tritforge {

std::vector<const Backend*> available_backends() {
    // Slowest first.
    const Backend* const compiled[] = {
        &kPortableBackend,
#if defined(TRITFORGE_ARM)
        &kNeonBackend,
#endif
#if defined(TRITFORGE_ARM64)
        &kNeonDotprodBackend,
#endif
#if defined(TRITFORGE_X86)
        &kAvx2Backend,        &kAvxVnniBackend, &kAvx512VlVnniBackend, &kAvx512VnniBackend,
#endif
#if defined(TRITFORGE_AMX)
        &kAmxInt8Backend,
#endif
    };
    std::vector<const Backend*> available;
    for (const Backend* backend : compiled) {
        if (backend->is_supported()) available.push_back(backend);
    }
    return available;
}

const Backend& find_backend(const char* name) {
    const std::vector<const Backend*> available = available_backends();
    if (std::strcmp(name, "auto") == 0) return *available.back();
    std::string names = "auto";
    for (const Backend* backend : available) {
        if (std::strcmp(name, backend->name) == 0) return *backend;
        names += std::string(", ") + backend->name;
    }
    throw std::invalid_argument(std::string("kernel '") + name +
                                "' is not available on this CPU: choose one of " + names);
}

}  // namespace tritforge
