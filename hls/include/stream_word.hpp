// SPDX-License-Identifier: Apache-2.0
//
// Word of a stream that enters or leaves the machine: 64 bits and, above them, the last word's
// mark.
//
// Packets whose mark comes at the wrong place never hang a process: after an early one it goes on
// with zeros, and before it ends a run it drops the words up to a late one. Both are reported.
#pragma once

#include "ap_int.h"
#include "hls_stream.h"

namespace tritforge {

constexpr int kStreamBits = 64;

using StreamData = ap_uint<kStreamBits>;
using StreamWord = ap_uint<kStreamBits + 1>;

inline StreamWord stream_word(const StreamData& data, bool last) {
#pragma HLS INLINE
    StreamWord word = data;
    word[kStreamBits] = last;
    return word;
}

/// The receiving end of one such stream. All zero stands before the first word of a packet.
struct PacketReader {
    // The mark has come.
    bool ended;
    // It came while words were missing, or words came after the last one that was needed.
    bool early;
    bool late;

    /// The next word of the packet; zero after its end.
    StreamData take(hls::stream<StreamWord>& words) {
#pragma HLS INLINE
        StreamData data = 0;
        if (ended) {
            early = true;
        } else {
            const StreamWord word = words.read();
            data = word.range(kStreamBits - 1, 0);
            ended = word[kStreamBits];
        }
        return data;
    }

    /// Drops a word unless the mark has come; call it until `ended`.
    void drop(hls::stream<StreamWord>& words) {
#pragma HLS INLINE
        if (!ended) {
            late = true;
            const StreamWord word = words.read();
            ended = word[kStreamBits];
        }
    }

    void restart() {
#pragma HLS INLINE
        ended = false;
        early = false;
        late = false;
    }
};

}  // namespace tritforge
