// SPDX-License-Identifier: Apache-2.0
// Kernels in plain C++, for every processor.
#include "ivit/kernels/generic_loops.hpp"
#include "ivit/kernels/kernel_set.hpp"
#include "ivit/kernels/register_blocks.hpp"

namespace tritforge::engine::ivit {
namespace {

/// Pairs of 16-bit numbers, four columns at a time: what compilers make vectors of.
struct Unit {
    using Item = std::int16_t;

    static constexpr int kOffset = 0, kCount = 4, kVectors = 2, kRows = 2;

    struct Sums {
        std::int32_t at[kCount];
    };
    struct Columns {
        std::int16_t at[kCount][2];
    };
    struct Inputs {
        std::int16_t at[2];
    };

    static Sums load_sums(const std::int32_t* at) {
        Sums sums;
        std::memcpy(&sums, at, sizeof sums);
        return sums;
    }
    static void store_sums(std::int32_t* at, const Sums& sums) {
        std::memcpy(at, &sums, sizeof sums);
    }
    static Columns load_columns(const std::uint8_t* at) {
        Columns columns;
        std::memcpy(&columns, at, sizeof columns);
        return columns;
    }
    static Inputs broadcast(const std::uint8_t* at) {
        Inputs inputs;
        std::memcpy(&inputs, at, sizeof inputs);
        return inputs;
    }
    static Sums multiply_add(Sums sums, const Columns& columns, const Inputs& inputs) {
        for (int i = 0; i < kCount; ++i) {
            sums.at[i] += columns.at[i][0] * inputs.at[0] + columns.at[i][1] * inputs.at[1];
        }
        return sums;
    }
};

bool is_supported() { return true; }

}  // namespace

const KernelSet kPortableKernels = {"portable", is_supported, RegisterBlocks<Unit>::kernel(),
                                    RegisterBlocks<Unit>::kernel(), kGenericLoops};

}  // namespace tritforge::engine::ivit
