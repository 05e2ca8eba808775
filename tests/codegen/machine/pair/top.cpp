// SPDX-License-Identifier: Apache-2.0
#include "top.hpp"

namespace {

using namespace pair_machine;

PacketWord packet_word(Word data, bool last) {
    PacketWord word = data;
    word[64] = last;
    return word;
}

ResultWord result_of(bool x_is_wrong, bool y_is_wrong) {
    ResultWord result = 0;
    if (x_is_wrong || y_is_wrong) result = 1;
    result[8] = x_is_wrong;
    result[9] = y_is_wrong;
    return result;
}

}  // namespace

void pair_up(hls::stream<CommandWord>& commands, hls::stream<PacketWord>& x,
             hls::stream<PacketWord>& y, hls::stream<PacketWord>& sums,
             hls::stream<ResultWord>& results) {
    static CommandWord left;
    static bool x_is_wrong;
    static bool y_is_wrong;
    if (left == 0) {
        left = commands.read();
        x_is_wrong = false;
        y_is_wrong = false;
    } else {
        const bool last = left == 1;
        const PacketWord a = x.read();
        const PacketWord b = y.read();
        x_is_wrong = x_is_wrong || bool(a[64]) != last;
        y_is_wrong = y_is_wrong || bool(b[64]) != last;
        sums.write(packet_word(Word(a.range(63, 0)) + Word(b.range(63, 0)), last));
        left = left - 1;
        if (last) results.write(result_of(x_is_wrong, y_is_wrong));
    }
}

void fork_up(hls::stream<CommandWord>& commands, hls::stream<PacketWord>& x,
             hls::stream<PacketWord>& y, hls::stream<PacketWord>& sums,
             hls::stream<PacketWord>& differences, hls::stream<ResultWord>& results) {
    static CommandWord left;
    static bool x_is_wrong;
    static bool y_is_wrong;
    if (left == 0) {
        left = commands.read();
        x_is_wrong = false;
        y_is_wrong = false;
    } else {
        const bool last = left == 1;
        const PacketWord a = x.read();
        const PacketWord b = y.read();
        x_is_wrong = x_is_wrong || bool(a[64]) != last;
        y_is_wrong = y_is_wrong || bool(b[64]) != last;
        sums.write(packet_word(Word(a.range(63, 0)) + Word(b.range(63, 0)), last));
        differences.write(packet_word(Word(a.range(63, 0)) - Word(b.range(63, 0)), last));
        left = left - 1;
        if (last) results.write(result_of(x_is_wrong, y_is_wrong));
    }
}
