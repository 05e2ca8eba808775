// SPDX-License-Identifier: Apache-2.0
// The AVX2 kernel with VPDPBUSD, for CPUs with AVX-512 VNNI but without VBMI (Cascade Lake).
#define TRITFORGE_DPBUSD _mm256_dpbusd_epi32
#define TRITFORGE_BACKEND kAvx512VlVnniBackend
#define TRITFORGE_BACKEND_NAME "avx512vl_vnni"
#define TRITFORGE_BACKEND_SUPPORTED                                              \
    (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && \
     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni"))

#include "tritforge/avx512_elements.hpp"
#define TRITFORGE_ELEMENTS Avx512Elements

#include "backend_avx2.cpp"
