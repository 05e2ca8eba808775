// SPDX-License-Identifier: Apache-2.0
//
// What every test bench does: walk through the cases, compare bit for bit, report, exit code.
// Test code: runs on the host only, never becomes hardware.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "common/vector_file.hpp"
#include "hls_stream.h"

namespace tritforge_tb {

/// Counts comparisons and prints the first few mismatches.
class Checker {
  public:
    explicit Checker(std::string unit) : unit_(std::move(unit)) {}

    void start_case(const std::string& name) {
        case_ = name;
        ++cases_;
    }

    void equal(const char* what, std::size_t index, long long expected, long long got) {
        ++comparisons_;
        if (expected == got) {
            return;
        }
        ++mismatches_;
        if (mismatches_ <= kShown) {
            std::printf("%s: case %s, %s[%zu]: expected %lld, got %lld\n", unit_.c_str(),
                        case_.c_str(), what, index, expected, got);
        }
    }

    /// A stream that still holds words was read too little or written too much.
    template <class Word>
    void empty(const char* what, const hls::stream<Word>& stream) {
        equal(what, 0, 0, static_cast<long long>(stream.size()));
    }

    /// Compares and empties a stream of numbers.
    template <class Word>
    void words(const char* what, const std::vector<long long>& expected,
               hls::stream<Word>& stream) {
        equal("number of words", 0, static_cast<long long>(expected.size()),
              static_cast<long long>(stream.size()));
        for (std::size_t index = 0; !stream.empty(); ++index) {
            const long long got = stream.read().to_int64();
            if (index < expected.size()) {
                equal(what, index, expected[index], got);
            }
        }
    }

    /// Compares the bits of a word, the lowest one first.
    template <class Word>
    void bits(const char* what, const std::vector<long long>& expected, const Word& word) {
        equal("number of bits", 0, static_cast<long long>(expected.size()), Word::width);
        for (std::size_t index = 0; index < expected.size(); ++index) {
            equal(what, index, expected[index], static_cast<bool>(word[static_cast<int>(index)]));
        }
    }

    /// Prints the result; the exit code of the test bench.
    int finish() const {
        std::printf("%s: %zu cases, %zu comparisons, %zu mismatches\n", unit_.c_str(), cases_,
                    comparisons_, mismatches_);
        return mismatches_ == 0 && comparisons_ != 0 ? 0 : 1;
    }

  private:
    static constexpr std::size_t kShown = 5;
    std::string unit_;
    std::string case_;
    std::size_t cases_ = 0;
    std::size_t comparisons_ = 0;
    std::size_t mismatches_ = 0;
};

/// Fills a stream with numbers.
template <class Word>
void write_words(const std::vector<long long>& values, hls::stream<Word>& stream) {
    for (const long long value : values) {
        stream.write(Word(value));
    }
}

/// Runs a unit for as many steps as it is said to take until it reports, not earlier, not later.
/// @param streams  its streams; `streams.step()` is a step
/// @param status   the stream that ends a run
template <class Streams, class Word>
void run_steps(std::size_t steps, Streams& streams, const hls::stream<Word>& status,
               Checker& checker) {
    for (std::size_t step = 0; step + 1 < steps; ++step) {
        streams.step();
    }
    checker.empty("status before the documented step", status);
    streams.step();
    checker.equal("status after the documented steps", 0, 1, static_cast<long long>(status.size()));
    if (status.empty()) {
        std::exit(checker.finish());  // whatever comes next would start in the middle of this run
    }
}

/// Runs `run_case(VectorFile&, Checker&)` for every case of the file named on the command line.
template <class RunCase>
int run_bench(const char* unit, int argc, char** argv, RunCase run_case) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s vectors/%s.txt\n", argv[0], unit);
        return 2;
    }
    VectorFile file(argv[1]);
    Checker checker(unit);
    while (file.next_case()) {
        checker.start_case(file.case_name());
        run_case(file, checker);
    }
    return checker.finish();
}

}  // namespace tritforge_tb
