// SPDX-License-Identifier: Apache-2.0
// Speed of the products alone, against reading the same bytes: what a decode step could reach.
#pragma once

#include <cstddef>
#include <vector>

#include "tritforge/backend.hpp"
#include "tritforge/matrix_layout.hpp"

namespace tritforge {

/// Seconds of each pass over all weights; passes of both kinds take turns.
struct KernelSpeed {
    std::size_t bytes = 0;  ///< of weights, in the form the kernel reads
    std::vector<double> read_seconds, dot_seconds;
};

/// Time passes over random weights of these matrices, one after the other as in a decode step.
/// Cold caches need more bytes than the last-level cache has.
/// Throws std::invalid_argument: no layouts, or threads out of range.
KernelSpeed measure_kernel(const Backend& backend, const std::vector<MatrixLayout>& layouts,
                           int threads, int passes);

}  // namespace tritforge
