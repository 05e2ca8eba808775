// SPDX-License-Identifier: Apache-2.0
//
// Test bench of shiftmax.hpp: probabilities of rows, number of steps.
#include "ivit/row_unit_bench.hpp"
#include "top.hpp"

namespace {

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    tritforge_tb::run_row<Shiftmax, ap_uint<Shiftmax::kResultBits>>(file, checker, shiftmax);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("shiftmax", argc, argv, run_case);
}
