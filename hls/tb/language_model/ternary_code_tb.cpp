// SPDX-License-Identifier: Apache-2.0
//
// Test bench of ternary_code.hpp: every code of the escape code.
#include "common/bench.hpp"
#include "language_model/ternary_code.hpp"

namespace {

void run_case(tritforge_tb::VectorFile& file, tritforge_tb::Checker& checker) {
    constexpr std::size_t kCodes = 243;
    const auto bytes = file.list("bytes", kCodes);
    const auto weights = file.list("weights", kCodes * tritforge::kTritsPerByte);
    for (std::size_t i = 0; i < kCodes; ++i) {
        const tritforge::TernaryDigits digits = tritforge::decode_ternary_byte(bytes[i]);
        for (int column = 0; column < tritforge::kTritsPerByte; ++column) {
            const int low = tritforge::kDigitBits * column;
            const ap_uint<tritforge::kDigitBits> digit = digits.range(low + 1, low);
            const std::size_t index = i * tritforge::kTritsPerByte + column;
            checker.equal("digit is valid", index, 1, digit != 3);
            checker.equal("product with 127", index, 127 * weights[index],
                          tritforge::ternary_product(digit, 127).to_int());
            checker.equal("product with -127", index, -127 * weights[index],
                          tritforge::ternary_product(digit, -127).to_int());
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    return tritforge_tb::run_bench("ternary_code", argc, argv, run_case);
}
