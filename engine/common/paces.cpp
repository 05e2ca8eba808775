// SPDX-License-Identifier: Apache-2.0
#include "common/paces.hpp"

#include <algorithm>

namespace tritforge::engine {
namespace {

/// Passes over which paces are smoothed.
constexpr double kPasses = 8.0;
/// Below this ratio of the fastest thread to the slowest one shares are equal: paces of equal cores
/// differ by a few percent.
constexpr double kLargestEqualRatio = 1.15;

}  // namespace

Paces::Paces(int threads) : threads_(static_cast<std::size_t>(threads)) {}

void Paces::note(int thread, int blocks, std::chrono::nanoseconds time) {
    double& fastest = threads_[static_cast<std::size_t>(thread)].fastest;
    if (time.count() > 0) fastest = std::max(fastest, blocks / static_cast<double>(time.count()));
}

std::vector<double> Paces::sizes_after_pass() {
    double sum = 0.0;
    bool all_known = true;
    for (const Thread& thread : threads_) {
        sum += thread.fastest;
        all_known = all_known && thread.fastest > 0.0;
    }
    const double mean = sum / static_cast<double>(threads_.size());
    std::vector<double> sizes;
    for (Thread& thread : threads_) {
        // Paces of different passes do not compare: one may have had more lanes. A thread without
        // rows, maybe because its share became too small, gets more of them again.
        const double found = all_known              ? thread.fastest / mean
                             : thread.fastest > 0.0 ? thread.relative
                                                    : 1.0;
        thread.relative += (found - thread.relative) / kPasses;
        thread.fastest = 0.0;
        sizes.push_back(thread.relative);
    }
    const auto [slowest, fastest] = std::minmax_element(sizes.begin(), sizes.end());
    if (*fastest < *slowest * kLargestEqualRatio) std::fill(sizes.begin(), sizes.end(), 1.0);
    return sizes;
}

}  // namespace tritforge::engine
