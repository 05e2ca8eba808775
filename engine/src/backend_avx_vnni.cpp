// SPDX-License-Identifier: Apache-2.0
// The AVX2 kernel with VPDPBUSD, for CPUs with AVX-VNNI (Alder Lake, Zen 5 and later).
#define TRITFORGE_DPBUSD _mm256_dpbusd_avx_epi32
#define TRITFORGE_BACKEND kAvxVnniBackend
#define TRITFORGE_BACKEND_NAME "avx_vnni"
#define TRITFORGE_BACKEND_SUPPORTED has_avx_vnni()

#include <cpuid.h>

namespace {

/// CPUID leaf 7, sub-leaf 1, EAX bit 4; not every compiler's __builtin_cpu_supports knows it.
bool has_avx_vnni() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 &&
           (a >> 4 & 1) != 0;
}

}  // namespace

#include "backend_avx2.cpp"
