// SPDX-License-Identifier: Apache-2.0
//
// Test bench of scalar_unit.hpp: responses through the top-level function, the square root by
// looking into a second unit's state, and the bounds on the number of steps.
#include "common/bench.hpp"
#include "top.hpp"

namespace {

constexpr std::size_t kArguments = 4;
constexpr std::size_t kResults = 7;

void check_response(const std::vector<long long>& expected, std::size_t index,
                    const ScalarUnit::Response& response, tritforge_tb::Checker& checker) {
    const long long* results = &expected[index * kResults];
    checker.equal("reciprocal", index, results[2], response.reciprocal.to_int64());
    checker.equal("reciprocal exponent", index, results[3],
                  response.reciprocal_exponent.to_int64());
    checker.equal("multiplier", index, results[4], response.multiplier.to_int64());
    checker.equal("shift", index, results[5], response.shift.to_int64());
    checker.equal("saturated", index, results[6], response.saturated.to_int64());
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    const std::size_t count = file.count("count");
    const auto arguments = file.list("requests", count * kArguments);
    const auto expected = file.list("responses", count * kResults);
    static ScalarUnit::State state;
    for (std::size_t index = 0; index < count; ++index) {
        const long long* values = &arguments[index * kArguments];
        ScalarUnit::Request request;
        request.absmax = values[0];
        request.square_sum = values[1];
        request.scale_mantissa = values[2];
        request.scale_exponent = values[3];
        hls::stream<ScalarUnit::RequestWord> requests("requests");
        hls::stream<ScalarUnit::RequestWord> same_requests("same_requests");
        hls::stream<ScalarUnit::ResponseWord> responses("responses");
        hls::stream<ScalarUnit::ResponseWord> same_responses("same_responses");
        requests.write(request.to_word());
        same_requests.write(request.to_word());

        int steps = 0;
        while (responses.empty() && steps < ScalarUnit::kMaximumSteps) {
            scalar_unit(requests, responses);
            ScalarUnit::step(state, same_requests, same_responses);
            ++steps;
        }
        checker.equal("at least kMinimumSteps", index, 1, steps >= ScalarUnit::kMinimumSteps);
        checker.equal("responses within kMaximumSteps", index, 1, responses.size());
        if (responses.empty()) {
            return;
        }
        check_response(expected, index, ScalarUnit::Response::from_word(responses.read()), checker);
        checker.equal("root", index, expected[index * kResults], state.root.to_int64());
        if (values[1] != 0) {  // a zero has no exponent worth defining
            checker.equal("root exponent", index, expected[index * kResults + 1],
                          state.root_exponent.to_int64());
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("scalar_unit", argc, argv, run_case);
}
