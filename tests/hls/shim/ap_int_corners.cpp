// SPDX-License-Identifier: Apache-2.0
//
// Documented corner cases of ap_int (UG1399, and hls/shim/ap_int_ops.h); returns 0 when all hold.
#include <ap_int.h>

#include <cstdio>
#include <sstream>
#include <type_traits>

static int g_failures = 0;

#define EXPECT(condition)                                       \
    do {                                                        \
        if (!(condition)) {                                     \
            std::printf("line %d: %s\n", __LINE__, #condition); \
            g_failures++;                                       \
        }                                                       \
    } while (false)

template <class Expected, class Got>
constexpr bool has_type(const Got&) {
    return std::is_same<Expected, Got>::value;
}

static void widths() {
    const ap_int<8> a = -128;
    const ap_uint<8> b = 255;
    EXPECT(has_type<ap_int<10>>(a + b) && a + b == 127);
    EXPECT(has_type<ap_int<9>>(b - b) && b - ap_uint<8>(0) == 255);
    EXPECT(has_type<ap_int<16>>(a * b) && a * b == -32640);
    EXPECT(has_type<ap_int<16>>(a * a) && a * a == 16384);
    EXPECT(has_type<ap_int<9>>(a & b) && (a & b) == 128);
    EXPECT(has_type<ap_int<9>>(-a) && -a == 128);
    EXPECT(has_type<ap_uint<8>>(~b) && ~b == 0);
    EXPECT(has_type<ap_int<3>>(-ap_int<1>(-1)) && -ap_int<1>(-1) == 1);
    EXPECT(has_type<ap_int<33>>(a + 1));
    EXPECT(has_type<ap_int<34>>(a + 1u));
    EXPECT(has_type<ap_int<9>>(a + true));
    EXPECT(has_type<ap_int<65>>(a + 1ll));
    EXPECT(has_type<ap_uint<2048>>(ap_uint<1024>(1) * ap_uint<1024>(1)));
}

static void division() {
    EXPECT(has_type<ap_int<9>>(ap_int<8>(-128) / ap_int<8>(-1)));
    EXPECT(ap_int<8>(-128) / ap_int<8>(-1) == 128);
    EXPECT(ap_int<64>(-9223372036854775807ll - 1) / ap_int<2>(-1) == ap_uint<64>(1) << 63);
    EXPECT(ap_int<8>(-7) / ap_int<8>(2) == -3 && ap_int<8>(-7) % ap_int<8>(2) == -1);
    // Exact by UG1399, where the vendor's headers go wrong.
    EXPECT(ap_uint<8>(181) % ap_int<8>(-100) == 81);
    EXPECT(ap_int<13>(-1145) / ap_uint<31>(5) == -229);
    // Typed as if swapped, like the vendor's headers.
    EXPECT(has_type<ap_int<9>>(1000 / ap_int<8>(2)) && 1000 / ap_int<8>(2) == -12);
    EXPECT(ap_int<200>(-7) / ap_int<200>(2) == -3 && ap_int<200>(-7) % ap_int<200>(2) == -1);
    const ap_uint<256> big = ~ap_uint<256>(0);
    EXPECT(big / ap_uint<129>(3) * ap_uint<2>(3) == big);
}

static void comparisons() {
    EXPECT(ap_uint<64>(~0ull) > -1 && ap_uint<64>(~0ull) != -1);
    EXPECT(ap_uint<40>(5) > -1);
    EXPECT(ap_int<64>(-1) < 0u && ap_int<300>(-1) < ap_uint<300>(0));
    EXPECT(ap_int<1>(1) == -1);
}

static void shifts() {
    const ap_int<8> a = -100;
    const ap_uint<8> b = 0xb5;
    EXPECT(has_type<ap_int<8>>(a << 3) && (a << 3) == -32);
    EXPECT((a << 8) == 0 && (a >> 8) == -1 && (b >> 8) == 0 && (a >> 1000000) == -1);
    EXPECT((a << -1) == (a >> 1) && (a >> -1) == (a << 1));
    EXPECT((a << ap_int<4>(-3)) == (a >> 3) && (b >> ap_int<4>(-8)) == 0);
    EXPECT((b << ap_int<1>(-1)) == (b >> 1));
    EXPECT((a >> (-2147483647 - 1)) == 0);
    EXPECT((a << (1ll << 40)) == 0);
    // The size of an ap type is cut to 32 bits first, like in the vendor's headers.
    EXPECT((b << (ap_uint<70>(1) << 66)) == b);
    EXPECT((ap_int<300>(-1) >> 299) == -1 && (ap_int<300>(-1) >> 300) == -1);
}

static void selections() {
    ap_uint<8> x = 0xb5;
    const ap_uint<8> constant = x;
    EXPECT(x.range(5, 2) == 0xd && x(7, 4) == 0xb && constant.range(3, 0) == 5);
    EXPECT(x.range(2, 5) == 0xb);  // reversed
    x.range(3, 0) = 0xfa;
    EXPECT(x == 0xba);
    x.range(4, 7) = 1;
    EXPECT(x == 0x8a);
    x[0] = 2;  // not zero, so 1
    EXPECT(x == 0x8b && x[7] && !x[6] && constant[0]);
    x[1] = x[2];
    EXPECT(x == 0x89);
    ap_int<8> high = 0;
    ap_uint<4> low = 0;
    (high, low) = 0x9c5;
    EXPECT(high == -100 && low == 5);
    const ap_uint<12> joined = (high, low);
    EXPECT(joined == 0x9c5);
    EXPECT((high, low).length() == 12 && (x.range(3, 0), low).length() == 8);
    (high.range(3, 0), low) = (low, low);
    EXPECT(high == -107 && low == 5);
    EXPECT((ap_uint<3>(5), true) == 11);
    ap_uint<300> wide = 0;
    wide.range(299, 150) = ~ap_uint<150>(0);
    wide[3] = 1;
    EXPECT(wide.range(299, 150).and_reduce() && (wide >> 150) == ~ap_uint<150>(0));
    EXPECT(wide.range(7, 0).to_int() == 8);
}

static void conversions() {
    EXPECT(ap_int<4>(-3).to_uint() == 4294967293u && ap_int<4>(-3).to_uint64() == ~0ull - 2);
    EXPECT(ap_uint<40>(0xffffffffffull).to_int() == -1);
    EXPECT(ap_uint<8>(300) == 44 && ap_int<8>(ap_uint<9>(200)) == -56);
    EXPECT(ap_uint<130>(-1) == ~ap_uint<130>(0) && ap_int<130>(-1).to_int64() == -1);
    EXPECT(ap_uint<9>(256).to_bool() && !ap_int<1>(0).to_bool());
    const int table[4] = {10, 11, 12, 13};
    EXPECT(table[ap_uint<2>(3)] == 13);
}

static void printing() {
#ifdef __GLIBCXX__  // the test links g++'s standard library only
    std::ostringstream text;
    text << ap_int<8>(-100) << ' ' << (ap_int<70>(-1) << 69) << ' ' << ap_uint<128>(0);
    EXPECT(text.str() == "-100 -590295810358705651712 0");
#endif
}

static void members() {
    ap_uint<8> x = 0xb5;
    EXPECT(x.length() == 8 && ap_uint<8>::width == 8);
    EXPECT(!x.and_reduce() && x.or_reduce() && x.xor_reduce() && ap_int<130>(-1).and_reduce());
    EXPECT(ap_uint<5>(0).countLeadingZeros() == 5 && ap_uint<130>(5).countLeadingZeros() == 127);
    x.reverse();
    EXPECT(x == 0xad);
    x.lrotate(3);
    EXPECT(x == 0x6d);
    x.rrotate(1);
    EXPECT(x == 0xb6);
    EXPECT(x++ == 0xb6 && ++x == 0xb8 && x-- == 0xb8 && --x == 0xb6);
    ap_int<3> wraps = 3;
    EXPECT(++wraps == -4 && --wraps == 3);
    x += 300;
    EXPECT(x == ap_uint<8>(0xb6 + 300));
    const ap_int<8> a = x[0] ? ap_int<8>(1) : ap_int<8>(-1);
    EXPECT(a == -1);
}

// Tables are compile-time data.
static constexpr ap_int<5> kTable[3] = {1, -2, 40};
static_assert(kTable[2] == 8 && kTable[1] < 0 && (kTable[0] + kTable[1]).length() == 6,
              "ap_int is a literal type");
static_assert(std::is_trivially_copyable<ap_int<9>>::value &&
                  std::is_trivially_default_constructible<ap_uint<300>>::value,
              "ap_int is plain data");
static_assert(sizeof(ap_int<9>) == 2 && sizeof(ap_uint<33>) == 8, "ap_int has no overhead");

int main() {
    widths();
    division();
    comparisons();
    shifts();
    selections();
    conversions();
    printing();
    members();
    return g_failures != 0;
}
