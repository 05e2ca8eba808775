// SPDX-License-Identifier: Apache-2.0
// What the processor at hand can run.
//
// Static functions, for the reason given in fixed_point.hpp.
#pragma once

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__linux__)
#include <sys/auxv.h>
#endif

namespace tritforge::engine {

#if defined(__x86_64__) || defined(__i386__)

static inline bool has_avx2() { return __builtin_cpu_supports("avx2"); }

/// CPUID leaf 7, sub-leaf 1, EAX bit 4; not every compiler's __builtin_cpu_supports knows it.
static inline bool has_avx_vnni() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
}

/// AVX-512 BW, DQ, VL and VNNI.
static inline bool has_avx512vl_vnni() {
    return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
}

/// AVX-512 F, BW, DQ, VL, VBMI and VNNI.
static inline bool has_avx512_vbmi_vnni() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
}

#elif defined(__arm__) || defined(__aarch64__)

static inline bool has_neon() {
#if defined(__linux__) && !defined(__aarch64__)
    constexpr unsigned long kNeon = 1UL << 12;  // HWCAP_NEON
    return (getauxval(AT_HWCAP) & kNeon) != 0;
#else
    return true;  // part of every 64-bit ARM
#endif
}

/// SDOT, the dot product extension of 64-bit ARM.
static inline bool has_neon_dotprod() {
#if defined(__linux__)
    constexpr unsigned long kDotprod = 1UL << 20;  // HWCAP_ASIMDDP
    return (getauxval(AT_HWCAP) & kDotprod) != 0;
#else
    return true;  // part of every one that macOS runs on
#endif
}

#endif

}  // namespace tritforge::engine
