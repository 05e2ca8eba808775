// SPDX-License-Identifier: Apache-2.0
//
// Steps of a command of a unit whose rows overlap: a row goes from station to station, each of
// which has one row at a time, or a few.
//
// Test code: runs on the host only, never becomes hardware.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tritforge_tb {

/// Steps up to the last word that the last station reads.
///
/// The first station takes words in, the last one reads them again; a station gets a row one step
/// after the station before it has ended its work, or when a row has left it.
/// @param first   step of the first word in
/// @param words   of a row
/// @param rows    of the command
/// @param work    steps of the stations between
/// @param settle  steps from a row's first word to the second station, at least
/// @param places  rows that each of the stations between works at
inline std::size_t steps_of_rows(std::size_t first, std::size_t words, std::size_t rows,
                                 const std::vector<std::size_t>& work, std::size_t settle = 0,
                                 std::size_t places = 1) {
    // When each row has left a station; those between, then the last one.
    std::vector<std::vector<std::size_t>> left(work.size() + 1);
    std::size_t start = first;
    for (std::size_t row = 0; row < rows; ++row) {
        std::size_t ready = start + std::max(words, settle);
        for (std::size_t station = 0; station < left.size(); ++station) {
            const std::size_t room = station < work.size() ? places : 1;
            const std::size_t free = row < room ? 0 : left[station][row - room];
            const std::size_t taken = std::max(ready, free);
            if (station == 0) {
                start = taken + 1;
            } else {
                left[station - 1].push_back(taken);
            }
            if (station + 1 == left.size()) {
                left[station].push_back(taken + words);
            } else {
                ready = taken + work[station] + 1;
            }
        }
    }
    return left.back().back() + 1;
}

}  // namespace tritforge_tb
