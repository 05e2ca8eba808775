// SPDX-License-Identifier: Apache-2.0
// Kernels with AVX2. VPMADDWD multiplies pairs of 16-bit numbers exactly; VPMADDUBSW, twice as many
// bytes at a time, saturates its sums of two products of 8 bits.
#include "common/avx2_elements.hpp"
#include "common/cpu_features.hpp"
#include "ivit/kernels/avx2_words.hpp"
#include "ivit/kernels/kernel_set.hpp"
#include "ivit/kernels/register_blocks.hpp"
#include "ivit/kernels/vector_loops.hpp"

namespace tritforge::engine::ivit {
namespace {

bool is_supported() { return has_avx2(); }

}  // namespace

const KernelSet kAvx2Kernels = {"avx2", is_supported, RegisterBlocks<Avx2Words>::kernel(),
                                RegisterBlocks<Avx2Words>::kernel(),
                                VectorLoops<Avx2Elements>::all()};

}  // namespace tritforge::engine::ivit
