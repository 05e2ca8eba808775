// SPDX-License-Identifier: Apache-2.0
// Kernels with NEON, for 32-bit and 64-bit ARM.
#include "common/cpu_features.hpp"
#include "ivit/kernels/generic_loops.hpp"
#include "ivit/kernels/kernel_set.hpp"
#include "ivit/kernels/neon_words.hpp"
#include "ivit/kernels/register_blocks.hpp"

namespace tritforge::engine::ivit {
namespace {

bool is_supported() { return has_neon(); }

}  // namespace

const KernelSet kNeonKernels = {"neon", is_supported, RegisterBlocks<NeonWords>::kernel(),
                                RegisterBlocks<NeonWords>::kernel(), kGenericLoops};

}  // namespace tritforge::engine::ivit
