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

    /// One step at the receiving end; a process calls it at one place.
    /// @param takes  a word of the packet is needed: the result, zero after the packet's end
    /// @param drops  words up to the packet's end are not needed
    StreamData next(hls::stream<StreamWord>& words, bool takes, bool drops) {
#pragma HLS INLINE
        StreamData data = 0;
        if ((takes || drops) && !ended) {
            const StreamWord word = words.read();
            data = word.range(kStreamBits - 1, 0);
            ended = word[kStreamBits];
            late = late || drops;
        } else if (takes) {
            early = true;
        }
        return data;
    }

    void restart() {
#pragma HLS INLINE
        ended = false;
        early = false;
        late = false;
    }
};

}  // namespace tritforge
