// SPDX-License-Identifier: Apache-2.0
//
// Small top functions, one per feature of the open flow.
#include "ap_int.h"
#include "common/keep.hpp"
#include "common/ram.hpp"
#include "hls_stream.h"

/// Pure function with two outputs, wide arithmetic and a loop.
extern "C" void mix(const ap_int<9>& a, const ap_uint<100>& b, const bool& negate, ap_int<24>& sum,
                    ap_uint<100>& rotated) {
    ap_int<24> total = a * a;
bytes:
    for (int i = 0; i < 12; ++i) {
        const ap_uint<8> part = b.range(8 * i + 7, 8 * i);
        total += negate ? ap_int<10>(-part) : ap_int<10>(part);
    }
    sum = total;
    const ap_uint<7> amount = b.range(6, 0);
    const ap_uint<7> left = amount % 100;
    rotated = (b << left) | (b >> (100 - left));
}

/// Values that the compiler may not look through, of one, two and more machine words.
extern "C" void walls(const ap_uint<7>& a, const ap_int<100>& b, const ap_int<200>& c,
                      ap_uint<7>& same, ap_int<101>& sum, ap_int<200>& wide) {
    using tritforge::keep;
    same = keep(ap_uint<7>(keep(ap_uint<7>(a + 1)) - 1));
    sum = keep(b) + keep(ap_int<9>(a));
    wide = keep(ap_int<200>(keep(c) ^ b));
}

/// Accumulates `length` words, then sends the sum.
extern "C" void accumulate(hls::stream<ap_uint<8>>& lengths, hls::stream<ap_int<17>>& values,
                           hls::stream<ap_int<30>>& sums) {
    struct State {
        ap_int<30> sum;
        ap_uint<8> left;
    };
    static State state;
    if (state.left == 0) {
        state.left = lengths.read();
        state.sum = 0;
    } else {
        state.sum += values.read();
        state.left = state.left - 1;
        if (state.left == 0) sums.write(state.sum);
    }
}

namespace {
constexpr short kSine[32] = {0,    195,  383,   556,  707,  831,  924,  981,  1000, 981,  924,
                             831,  707,  556,   383,  195,  0,    -195, -383, -556, -707, -831,
                             -924, -981, -1000, -981, -924, -831, -707, -556, -383, -195};
}

/// Constant table: a phase accumulator and a sine.
extern "C" void oscillator(hls::stream<ap_uint<16>>& frequencies, hls::stream<ap_int<12>>& wave) {
    static ap_uint<16> phase = 0x1234;
    phase = phase + frequencies.read();
    const ap_uint<5> index = phase.range(15, 11);
    wave.write(kSine[index.to_int()]);
}

/// RAM: writes a block of 16 words, then reads it backwards.
extern "C" void reverse(hls::stream<ap_uint<40>>& in, hls::stream<ap_uint<40>>& reversed) {
    static tritforge::Ram<ap_uint<40>, 16> memory;
    static ap_uint<6> count;
    if (count < 16) {
        memory.write(ap_uint<4>(count), in.read());
    } else if (count >= 16 + tritforge::kRamSettleSteps) {
        reversed.write(memory.read(ap_uint<4>(16 + tritforge::kRamSettleSteps + 15 - count)));
    }
    count = count == 16 + tritforge::kRamSettleSteps + 15 ? ap_uint<6>(0) : ap_uint<6>(count + 1);
}

/// An array in registers, indexed at run time; plain inputs and outputs beside streams.
extern "C" void histogram(const ap_uint<4>& threshold, hls::stream<ap_uint<3>>& in,
                          hls::stream<ap_uint<8>>& marked, ap_uint<4>& above) {
    static ap_uint<4> counts[8];
    const ap_uint<3> bin = in.read();
    const ap_uint<4> count = counts[bin.to_int()] + 1;
    counts[bin.to_int()] = count;
    ap_uint<4> total = 0;
bins:
    for (int i = 0; i < 8; ++i) {
        if (counts[i] > threshold) total = total + 1;
    }
    above = total;
    if (count[0]) {
        marked.write(count);
    } else {
        marked.write(ap_uint<8>(0xf0) | count);
    }
}

/// An output port that would show a step which still waits, if nothing held it back.
extern "C" void counter(hls::stream<ap_uint<5>>& in, hls::stream<ap_uint<8>>& numbers,
                        ap_uint<8>& count) {
    static ap_uint<8> total;
    total = total + in.read();
    numbers.write(total);
    count = total;
}

/// Doubles every word and adds its number.
extern "C" void producer(hls::stream<ap_uint<24>>& in, hls::stream<ap_uint<32>>& doubled) {
    static ap_uint<16> number;
    doubled.write(ap_uint<32>(in.read()) * 2 + number);
    number = number + 1;
}

/// Sends the differences of neighbours.
extern "C" void consumer(hls::stream<ap_uint<32>>& in, hls::stream<ap_int<33>>& differences) {
    static ap_uint<32> before = 7;
    static bool odd = false;
    const ap_uint<32> word = in.read();
    if (odd) differences.write(word - before);
    odd = !odd;
    before = word;
}

/// Packets of any length (bit 8 marks the last word) become packets of a given length: zeros take
/// the place of words that are not read.
extern "C" void fill_up(hls::stream<ap_uint<4>>& lengths, hls::stream<ap_uint<9>>& in,
                        hls::stream<ap_uint<9>>& filled) {
    static ap_uint<4> left;
    static bool ended;
    if (left == 0) {
        left = lengths.read();
        ended = false;
    } else {
        ap_uint<9> word = 0;
        if (!ended) {
            word = in.read();
            ended = word[8];
        }
        filled.write(word);
        left = left - 1;
    }
}
