// SPDX-License-Identifier: Apache-2.0
//
// RAM with one read port and one write port (block RAM), the only home of large arrays.
//
// What it computes: nothing; words[address].
// Interface:        passed to `step()` by reference, like a stream. A step makes at most one read
//                   and one write. In the open flow (TRITFORGE_OPENHLS) an access is a call
//                   without a body, which the translator turns into a request of a RAM port.
// Formats:          any ap_int or ap_uint word; contents are unspecified until written.
// Timing:           a pipelined process reads early and writes late, so a word may be read only
//                   kSettleSteps after the step that wrote it. Every unit keeps that distance by
//                   construction and says how.
// Assumptions:      kWords >= 1 (static_assert): a RAM without words has no address.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"

#ifdef TRITFORGE_OPENHLS
template <class Word, int kDepth, int kSettleSteps>
Word __xls_ram_read(const void* ram, int address);
template <class Word, int kDepth, int kSettleSteps>
void __xls_ram_write(const void* ram, int address, Word value);
#endif

namespace tritforge {

/// Usual steps between a write and the first read of the same word, see above.
constexpr int kRamSettleSteps = 8;

/// @tparam Word    ap_int or ap_uint type of one word
/// @tparam kDepth  number of words
/// @tparam kSettleSteps  the distance of this RAM. The open flow reads it from the calls, and keeps
///                 the stages of the read and of the write closer to each other than that.
template <class Word, int kDepth, int kSettleSteps = kRamSettleSteps>
struct Ram {
    static_assert(kDepth >= 1, "a RAM needs at least one word");
    static_assert(kSettleSteps >= 1, "a word cannot be read in the step that writes it");
    static constexpr int kWords = kDepth;
    using Address = ap_uint<bits_for(kDepth - 1)>;

#ifdef TRITFORGE_OPENHLS
    Word read(Address address) const {
        using Raw = typename Word::raw_type;
        return Word::from_raw(__xls_ram_read<Raw, kDepth, kSettleSteps>(this, address.to_int()));
    }
    void write(Address address, Word word) {
        using Raw = typename Word::raw_type;
        __xls_ram_write<Raw, kDepth, kSettleSteps>(this, address.to_int(), word.raw());
    }

    char port;  // RAMs differ by their address
#else
    Word read(Address address) const {
#pragma HLS INLINE
        return words[address.to_int()];
    }
    void write(Address address, Word word) {
#pragma HLS INLINE
        words[address.to_int()] = word;
    }

    Word words[kDepth];
#endif
};

}  // namespace tritforge
