// SPDX-License-Identifier: Apache-2.0
//
// Token banks: what the memories of tokens have in common, one bank per token lane.
//
// What it computes: nothing; token t lies in bank t mod kTokens, kElements numbers in a word.
// Interface:        a memory takes one header after the other and walks over its words:
//                   kStoreResults   kResults tokens of one number, slice by slice, group by group,
//                                   number by number, as requantise.hpp gives them;
//                   kStorePatches   the same of a packet's words;
//                   kStoreElements  rows, kElements numbers of one token, token by token;
//                   kLefts          operands of the array: one number of every token, for all
//                                   groups, again for every slice; digit by digit where a number
//                                   has several;
//                   kElements       rows, as they are stored;
//                   kExchange       rows, as they are stored, and in their place what comes back
//                                   (rows.hpp);
//                   kEndRun         the last header of a run.
// Formats:          numbers of kBits.
// Timing:           one word or operand per step; 1 + kSettleSteps steps more per header.
// Assumptions:      a word is read kRamSettleSteps or more after it was written: a memory waits
//                   between two headers, and never reads what the same header wrote. Results are
//                   collected in registers until a word is complete, so slices hold whole words
//                   (static_assert).
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/ram.hpp"
#include "ivit/requantise.hpp"

namespace tritforge {

/// @tparam Config      constants of the generated tritforge_config.hpp
/// @tparam kBits       bits of a number
/// @tparam kBankWords  words of a bank
/// @tparam kDigits     digits of a number as an operand
template <class Config, int kBits, int kBankWords, int kDigits = 1>
struct TokenBanks {
    using Array = MatrixArray<Config>;
    using Requant = Requantise<Config>;
    static constexpr int kTokens = Array::kTokens;
    static constexpr int kFeatures = Array::kFeatures;
    static constexpr int kResults = Array::kResults;
    static constexpr int kNumbers = Config::kElements;
    static constexpr int kSettleSteps = kRamSettleSteps;

    static_assert(kFeatures % kNumbers == 0, "a slice of features holds whole words");

    using Number = ap_uint<kBits>;
    using Word = ap_uint<kNumbers * kBits>;
    using Numbers = ap_uint<kResults * kBits>;
    using Memory = Ram<Word, kBankWords>;
    using Address = typename Memory::Address;
    using SliceCount = typename Requant::SliceCount;
    using GroupCount = typename Requant::GroupCount;
    /// Numbers of a row, or its words.
    using Count = typename Array::BeatCount;
    using TokenCount = ap_uint<bits_for(Config::kTokens)>;
    using Lane = ap_uint<bits_for(kTokens)>;
    using Place = ap_uint<bits_for(kNumbers)>;

    enum Kind {
        kStoreResults,
        kStorePatches,
        kStoreElements,
        kLefts,
        kElements,
        kExchange,
        kEndRun,
    };

    using KindCode = ap_uint<3>;
    using HeaderWord = FieldsWord<KindCode, SliceCount, GroupCount, Count, Count, Count, Address,
                                  Count, TokenCount>;

    /// All counts are at least 1. Rows of elements need `row_words` and `tokens` only.
    struct Header {
        KindCode kind;
        SliceCount slices;
        GroupCount groups;
        /// Numbers of a slice, and of the last one.
        Count numbers;
        Count last_numbers;
        /// First number within its row.
        Count first;
        /// First word of the first group.
        Address base;
        Count row_words;
        TokenCount tokens;

        HeaderWord to_word() const {
            return pack_fields<HeaderWord>(kind, slices, groups, numbers, last_numbers, first, base,
                                           row_words, tokens);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.kind, header.slices, header.groups, header.numbers,
                          header.last_numbers, header.first, header.base, header.row_words,
                          header.tokens);
            return header;
        }
    };

    enum Phase { kIdle, kSettle, kRun };

    /// A number: its word within the row, and its place within the word.
    struct Position {
        Count word;
        Place place;
    };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Header operation;
        ap_uint<bits_for(kSettleSteps)> settled;
        SliceCount slices_left;
        GroupCount groups_left;
        Count numbers_left;
        ap_uint<bits_for(kDigits)> digit;
        // First word of the rows at work, the number, and the first one of the slice.
        Address row;
        Position at;
        Position slice;
        // First lane of a word of results, or lane of a row.
        Lane lane;
        TokenCount tokens_left;
        Word collected[kTokens];
    };

    static bool is_idle(const State& state) { return state.phase == kIdle; }
    static bool is_running(const State& state) { return state.phase == kRun; }

    static void start(State& state, const Header& header) {
#pragma HLS INLINE
        state.operation = header;
        state.settled = 0;
        state.slices_left = header.slices;
        state.groups_left = header.groups;
        state.digit = 0;
        state.row = header.base;
        state.slice.word = groups_below(header.first);
        state.slice.place = header.first % ap_uint<bits_for(kNumbers)>(kNumbers);
        state.at = state.slice;
        state.lane = 0;
        state.tokens_left = header.tokens;
        state.numbers_left = numbers_of_slice(state);
        state.phase = kSettle;
    }

    static void settle(State& state) {
#pragma HLS INLINE
        state.settled = state.settled + 1;
        if (state.settled == kSettleSteps) {
            state.phase = kRun;
        }
    }

    static Address address(const State& state) {
#pragma HLS INLINE
        return state.row + state.at.word;
    }

    /// The number at work of a word.
    static Number number_of(const State& state, const Word& word) {
#pragma HLS INLINE
        Number number = 0;
    places:
        for (int place = 0; place < kNumbers; ++place) {
#pragma HLS UNROLL
            if (state.at.place == place) {
                number = word.range(kBits * (place + 1) - 1, kBits * place);
            }
        }
        return number;
    }

    /// Puts a word of results to the words that are collected, and says which lanes it is for.
    static void collect(State& state, const Numbers& numbers, bool (&writes)[kTokens],
                        Word (&words)[kTokens]) {
#pragma HLS INLINE
    lanes:
        for (int lane = 0; lane < kTokens; ++lane) {
#pragma HLS UNROLL
            const int result = lane % kResults;
            const Number number = numbers.range(kBits * (result + 1) - 1, kBits * result);
            if (state.lane == lane / kResults * kResults) {
            places:
                for (int place = 0; place < kNumbers; ++place) {
#pragma HLS UNROLL
                    if (state.at.place == place) {
                        state.collected[lane].range(kBits * (place + 1) - 1, kBits * place) =
                            number;
                    }
                }
                writes[lane] = true;
                words[lane] = state.collected[lane];
            }
        }
    }

    /// Puts a word of a row to the words that are written.
    static void choose_lane(const Lane& of_row, const Word& word, bool (&writes)[kTokens],
                            Word (&words)[kTokens]) {
#pragma HLS INLINE
    lanes:
        for (int lane = 0; lane < kTokens; ++lane) {
#pragma HLS UNROLL
            writes[lane] = of_row == lane;
            words[lane] = word;
        }
    }

    /// Behind a word of results: lanes, then as behind an operand.
    static void advance_results(State& state) {
#pragma HLS INLINE
        state.lane = state.lane + kResults;
        if (state.lane == kTokens) {
            state.lane = 0;
            advance_number(state, true);
        }
    }

    /// Behind an operand: numbers of the slice, digits, groups, slices.
    static void advance_number(State& state, bool stores) {
#pragma HLS INLINE
        state.at.place = state.at.place + 1;
        if (state.at.place == kNumbers) {
            state.at.place = 0;
            state.at.word = state.at.word + 1;
        }
        state.numbers_left = state.numbers_left - 1;
        if (state.numbers_left != 0) {
            return;
        }
        const Position behind = state.at;
        state.digit = state.digit + 1;
        if (stores || state.digit == kDigits) {
            state.digit = 0;
            state.row = state.row + state.operation.row_words;
            state.groups_left = state.groups_left - 1;
        }
        if (state.groups_left == 0) {
            state.groups_left = state.operation.groups;
            state.row = state.operation.base;
            state.slices_left = state.slices_left - 1;
            if (stores) {
                state.slice = behind;
            }
        }
        state.at = state.slice;
        state.numbers_left = numbers_of_slice(state);
        if (state.slices_left == 0) {
            state.phase = kIdle;
        }
    }

    /// Behind a word of a row: words, lanes, groups.
    static void advance_row(State& state) {
#pragma HLS INLINE
        state.at.word = state.at.word + 1;
        if (state.at.word != state.operation.row_words) {
            return;
        }
        state.at.word = 0;
        state.lane = state.lane + 1;
        if (state.lane == kTokens) {
            state.lane = 0;
            state.row = state.row + state.operation.row_words;
        }
        state.tokens_left = state.tokens_left - 1;
        if (state.tokens_left == 0 && state.operation.kind != kExchange) {
            state.phase = kIdle;
        }
    }

    /// Whole words below a number.
    static Count groups_below(const Count& number) {
#pragma HLS INLINE
        return number >> (bits_for(kNumbers) - 1);
    }

  private:
    static_assert((kNumbers & (kNumbers - 1)) == 0, "words hold a power of two of numbers");

    static Count numbers_of_slice(const State& state) {
#pragma HLS INLINE
        return state.slices_left == 1 ? state.operation.last_numbers : state.operation.numbers;
    }
};

}  // namespace tritforge
