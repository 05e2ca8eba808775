// SPDX-License-Identifier: Apache-2.0
//
// Evaluates hls/include/common/fixed_point.hpp on the numbers of standard input, for
// test_fixed_point.py. Line in: value shift. Line out: every result for that value.
#include <cstdio>

#include "common/fixed_point.hpp"

template <int W, int V>
static void print_saturated(const ap_int<V>& value) {
    const tritforge::Saturated<W> s = tritforge::saturate<W>(value);
    std::printf(" %lld %d", s.value.to_int64(), s.clipped ? 1 : 0);
}

int main() {
    using tritforge::round_half_up_shift;
    long long number = 0;
    int amount = 0;
    while (std::scanf("%lld %d", &number, &amount) == 2) {
        const ap_int<20> value = number;
        const ap_uint<20> natural = number;
        const ap_uint<5> shift = amount;
        std::printf("%lld", round_half_up_shift(value, shift).to_int64());
        std::printf(" %lld", round_half_up_shift(natural, shift).to_int64());
        std::printf(" %lld", round_half_up_shift<0>(value).to_int64());
        std::printf(" %lld", round_half_up_shift<1>(value).to_int64());
        std::printf(" %lld", round_half_up_shift<7>(value).to_int64());
        std::printf(" %lld", round_half_up_shift<30>(value).to_int64());
        std::printf(" %lld", round_half_up_shift<3>(natural).to_int64());
        print_saturated<2>(value);
        print_saturated<8>(value);
        print_saturated<20>(value);
        print_saturated<24>(value);
        std::printf("\n");
    }
}
