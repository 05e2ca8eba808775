// SPDX-License-Identifier: Apache-2.0
#include "top.hpp"

namespace {

/// Makes packets of the expected length from packets of any length.
struct Guard {
    bool ended;
    bool early;
    bool late;

    void start() {
        ended = false;
        early = false;
        late = false;
    }
    /// One word; in the phase that drops what is too much, up to the end of the packet.
    toy::Word take(hls::stream<toy::PacketWord>& stream, bool dropping, bool last) {
        toy::PacketWord word = 0;
        if (!ended) {
            word = stream.read();
            const bool ends = word[64];
            ended = ends;
            early = early || (!dropping && ends && !last);
            late = late || (!dropping && !ends && last);
        }
        return word.range(63, 0);
    }
};

}  // namespace

void control(hls::stream<toy::CommandWord>& commands, hls::stream<toy::PacketWord>& setup,
             hls::stream<toy::FlagWord>& adder_status,
             hls::stream<toy::OffsetFlagWord>& emitter_status,
             hls::stream<toy::RowCount>& adder_headers, hls::stream<toy::RowCount>& emitter_headers,
             hls::stream<toy::ResultWord>& results) {
    enum Phase { kIdle, kSetup, kCollect };
    static ap_uint<2> phase;
    static bool first;
    static toy::CommandWord command;
    static ap_uint<11> sum;
    if (phase == kIdle) {
        command = commands.read();
        sum = 0;
        first = true;
        phase = kSetup;
    } else if (phase == kSetup) {
        const toy::PacketWord word = setup.read();
        sum += ap_uint<11>(word.range(10, 0));
        if (first) {
            const toy::RowCount rows = word.range(15, 0);
            adder_headers.write(rows);
            emitter_headers.write(rows);
        }
        first = false;
        if (word[64]) phase = kCollect;
    } else {
        constexpr int kStreamLength = 1;
        const toy::FlagWord rows = adder_status.read();
        const toy::OffsetFlagWord offsets = emitter_status.read();
        toy::ResultWord result = 0;
        if (rows != 0 || offsets != 0) result = kStreamLength;
        result.range(18, 8) = sum;
        result.range(22, 19) = command;
        result.range(26, 23) = rows;
        result.range(30, 29) = offsets;
        results.write(result);
        phase = kIdle;
    }
}

void adder(hls::stream<toy::RowCount>& headers, hls::stream<toy::PacketWord>& left,
           hls::stream<toy::PacketWord>& right, hls::stream<toy::Word>& sums,
           hls::stream<toy::FlagWord>& status) {
    enum Phase { kIdle, kRows, kDrop };
    static ap_uint<2> phase;
    static toy::RowCount count;
    static Guard guards[2];
    if (phase == kIdle) {
        count = headers.read();
        guards[0].start();
        guards[1].start();
        phase = kRows;
    } else {
        const bool done = guards[0].ended && guards[1].ended;
        const bool dropping = phase == kDrop;
        const bool last = count == 1;
        const toy::Word a = guards[0].take(left, dropping, last);
        const toy::Word b = guards[1].take(right, dropping, last);
        if (!dropping) {
            sums.write(3 * a + b);
            count = count - 1;
            if (last) phase = kDrop;
        } else if (done) {
            toy::FlagWord flags = 0;
            flags[0] = guards[0].early;
            flags[1] = guards[0].late;
            flags[2] = guards[1].early;
            flags[3] = guards[1].late;
            status.write(flags);
            phase = kIdle;
        }
    }
}

void emitter(hls::stream<toy::RowCount>& headers, hls::stream<toy::Word>& sums,
             hls::stream<toy::PacketWord>& offsets, hls::stream<toy::PacketWord>& output,
             hls::stream<toy::OffsetFlagWord>& status) {
    enum Phase { kIdle, kRows, kDrop };
    static tritforge::Ram<toy::Word, 16> history;
    static ap_uint<2> phase;
    static toy::RowCount rows;
    static toy::RowCount row;
    static Guard guard;
    if (phase == kIdle) {
        rows = headers.read();
        row = 0;
        guard.start();
        phase = kRows;
    } else {
        const bool done = guard.ended;
        const bool dropping = phase == kDrop;
        const bool last = row + 1 == rows;
        const toy::Word given = guard.take(offsets, dropping, last);
        if (!dropping) {
            const ap_uint<4> slot = row.range(3, 0);
            const toy::Word old = history.read(slot);
            const toy::Word before = row < 16 ? toy::Word(0) : old;
            const toy::Word total = sums.read() + given + before;
            history.write(slot, total);
            toy::PacketWord word = total;
            word[64] = last;
            output.write(word);
            row = row + 1;
            if (last) phase = kDrop;
        } else if (done) {
            toy::OffsetFlagWord flags = 0;
            flags[0] = guard.early;
            flags[1] = guard.late;
            status.write(flags);
            phase = kIdle;
        }
    }
}
