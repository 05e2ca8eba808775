// SPDX-License-Identifier: Apache-2.0
// The AVX2 kernels with VPDPBUSD, for CPUs with AVX-VNNI (Alder Lake, Zen 5 and later).
#define TRITFORGE_DPBUSD _mm256_dpbusd_avx_epi32
#define TRITFORGE_KERNEL_SET kAvxVnniKernels
#define TRITFORGE_KERNEL_SET_NAME "avx_vnni"
#define TRITFORGE_KERNEL_SET_SUPPORTED has_avx_vnni()

#include "language_model/kernels/avx2.cpp"
