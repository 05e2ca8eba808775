// SPDX-License-Identifier: Apache-2.0
//
// Test bench of shiftgelu.hpp: activations of rows, number of steps.
#include "ivit/row_unit_bench.hpp"
#include "top.hpp"

namespace {

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    tritforge_tb::run_row<Shiftgelu, ap_int<Shiftgelu::kResultBits>>(file, checker, shiftgelu);
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("shiftgelu", argc, argv, run_case);
}
