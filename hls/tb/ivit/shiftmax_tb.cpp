// SPDX-License-Identifier: Apache-2.0
//
// Test bench of shiftmax.hpp: probabilities of rows, number of steps.
#include "ivit/overlapping_rows.hpp"
#include "ivit/row_unit_bench.hpp"
#include "top.hpp"

namespace {

std::size_t steps_of(std::size_t words, std::size_t rows) {
    return tritforge_tb::steps_of_rows(1, words, rows, {words, Shiftmax::kDivisionSteps},
                                       Shiftmax::kSettleSteps);
}

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    tritforge_tb::run_rows<Shiftmax, ap_uint<Shiftmax::kResultBits>>(file, checker, shiftmax,
                                                                     steps_of);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("shiftmax", argc, argv, run_case);
}
