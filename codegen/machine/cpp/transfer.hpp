// SPDX-License-Identifier: Apache-2.0
//
// What a DMA engine is doing: one packet on its way to or from the machine.
#pragma once

#include <cstdint>

struct Transfer {
    const std::uint64_t* words = nullptr;  // to the machine
    std::uint64_t* room = nullptr;         // from the machine
    std::uint64_t count = 0;               // words, or room for words
    std::uint64_t last = 0;                // index of the word with TLAST
    std::uint64_t moved = 0;
    bool active = false;
    bool ended = false;    // all words have moved, or the one with TLAST has come
    bool offered = false;  // a word once offered stays until it is taken

    static Transfer sending(const std::uint64_t* words, std::uint64_t count, std::uint64_t last) {
        Transfer transfer;
        transfer.words = words;
        transfer.count = count;
        transfer.last = last;
        transfer.active = true;
        return transfer;
    }
    static Transfer receiving(std::uint64_t* room, std::uint64_t count) {
        Transfer transfer;
        transfer.room = room;
        transfer.count = count;
        transfer.active = true;
        return transfer;
    }
};
