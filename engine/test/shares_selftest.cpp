// SPDX-License-Identifier: Apache-2.0
// Sizes of the threads' shares: that they cover all rows, follow the paces, and come back.
//
// Prints what is wrong; exit status 1 if anything is.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <vector>

#include "common/paces.hpp"
#include "common/row_shares.hpp"

namespace tritforge::engine {
namespace {

using Nanoseconds = std::chrono::nanoseconds;

int failures = 0;

void expect(bool condition, const char* what, double found) {
    if (condition) return;
    std::printf("%s: found %g\n", what, found);
    ++failures;
}

/// Sizes after some passes in which every thread multiplies 100 blocks in the time given, or
/// nothing if it is 0; noise is a part of the time.
std::vector<double> sizes_of(Paces& paces, const std::vector<int>& times, int passes, double noise,
                             std::mt19937& random) {
    std::uniform_real_distribution<double> factor(1.0, 1.0 + noise);
    std::vector<double> sizes;
    for (int pass = 0; pass < passes; ++pass) {
        // Passes with more lanes take longer, and threads are interrupted.
        const int lanes = pass % 3 + 1;
        for (int thread = 0; thread < static_cast<int>(times.size()); ++thread) {
            const double time = times[static_cast<std::size_t>(thread)] * lanes * factor(random);
            if (time == 0.0) continue;
            paces.note(thread, 100, Nanoseconds(static_cast<long long>(time)));
            paces.note(thread, 100, Nanoseconds(static_cast<long long>(time * 50)));
        }
        sizes = paces.sizes_after_pass();
    }
    return sizes;
}

void check_cover(std::mt19937& random) {
    for (int trial = 0; trial < 2000; ++trial) {
        const int threads = std::uniform_int_distribution<int>(1, 64)(random);
        const int rows = std::uniform_int_distribution<int>(1, 5000)(random);
        RowShares shares(threads);
        if (trial % 2 == 1) {
            std::vector<double> sizes;
            for (int thread = 0; thread < threads; ++thread) sizes.push_back(random() % 4);
            sizes[random() % sizes.size()] = 0.5;
            shares.resize(sizes);
        }
        int next = 0, largest = 0, smallest = rows;
        for (int thread = 0; thread < threads; ++thread) {
            const RowShares::Blocks blocks = shares.blocks_of(rows, thread);
            expect(blocks.first == next && blocks.count() >= 0, "shares leave a gap", blocks.first);
            next = blocks.last;
            largest = std::max(largest, blocks.count());
            smallest = std::min(smallest, blocks.count());
        }
        expect(next == (rows + 31) / 32, "row blocks covered", next);
        if (trial % 2 == 0) expect(largest <= smallest + 1, "equal shares differ", largest);
    }
}

void check_paces(std::mt19937& random) {
    Paces equal(3);
    for (const double size : sizes_of(equal, {1000, 1000, 1000}, 50, 0.1, random)) {
        expect(size == 1.0, "size of a thread as fast as the others", size);
    }
    Paces two_kinds(4);
    std::vector<double> sizes = sizes_of(two_kinds, {1000, 2000, 1000, 2000}, 50, 0.0, random);
    expect(sizes[0] > 1.95 * sizes[1] && sizes[0] < 2.05 * sizes[1], "size at twice the pace",
           sizes[0] / sizes[1]);
    sizes = sizes_of(two_kinds, {1000, 0, 1000, 2000}, 50, 0.0, random);
    expect(sizes[1] > 0.9, "size of a thread that had no rows", sizes[1]);
    sizes = sizes_of(two_kinds, {1000, 1000, 1000, 1000}, 50, 0.0, random);
    expect(sizes[1] == sizes[0], "size of a thread that is no longer slow", sizes[1] / sizes[0]);
}

}  // namespace
}  // namespace tritforge::engine

int main() {
    std::mt19937 random(1);
    tritforge::engine::check_cover(random);
    tritforge::engine::check_paces(random);
    return tritforge::engine::failures == 0 ? 0 : 1;
}
