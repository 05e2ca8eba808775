// SPDX-License-Identifier: Apache-2.0
// The AVX2 kernels with VPDPBUSD, for CPUs with AVX-512 VNNI but without VBMI (Cascade Lake).
#define TRITFORGE_DPBUSD _mm256_dpbusd_epi32
#define TRITFORGE_KERNEL_SET kAvx512VlVnniKernels
#define TRITFORGE_KERNEL_SET_NAME "avx512vl_vnni"
#define TRITFORGE_KERNEL_SET_SUPPORTED has_avx512vl_vnni()

#include "common/avx512_elements.hpp"
#define TRITFORGE_ELEMENTS Avx512Elements

#include "language_model/kernels/avx2.cpp"
