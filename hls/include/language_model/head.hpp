// SPDX-License-Identifier: Apache-2.0
//
// Head: sends the logits of every lane and keeps the kTopK best tokens of each.
//
// What it computes: the kTopK largest sums of every lane; of equal ones, those of lower tokens.
// Interface:        headers in   one per run: vocabulary N, whether all logits are sent, and after
//                                HEAD (or instead of it) one with `end`, `abort` if there was none;
//                   scores in    element order: sum in the low bits, logit above it;
//                   output out   one packet per run (stream_word.hpp). With all_logits, for every
//                                score: logit in the low half, sum in the high half, sign-extended.
//                                Then for every lane kTopK words, best first: logit in the low
//                                half, token in the high half, all ones where there are fewer
//                                tokens. An aborted run sends one word 0;
//                   status out   one word for the header with `end`, after the packet.
// Formats:          sums kAccumulatorBits, logits kLogitBits.
// Timing:           one score, or one word of the packet's end, a step. Steps of a run:
//                   1 + tiles * kRows * kLanes + kTopK * kLanes + 1.
// Assumptions:      sums and logits fit 32 bits (static_asserts).
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/stream_word.hpp"
#include "hls_stream.h"
#include "language_model/tile_order.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct Head {
    static constexpr int kLanes = Config::kLanes;
    static constexpr int kTopK = Config::kTopK;
    static constexpr int kHalf = kStreamBits / 2;

    static_assert(Config::kAccumulatorBits <= kHalf && Config::kLogitBits <= kHalf,
                  "a sum and a logit are half a word each");

    using Order = TileOrder<Config, Config::kVocabulary>;
    using TokenCount = ap_uint<bits_for(Config::kVocabulary)>;
    using Sum = ap_int<Config::kAccumulatorBits>;
    using Logit = ap_int<Config::kLogitBits>;
    using Score = FieldsWord<Sum, Logit>;
    using HeaderWord = FieldsWord<ap_uint<1>, ap_uint<1>, ap_uint<1>, TokenCount>;
    using Status = ap_uint<1>;

    /// Without `end`, at least one token.
    struct Header {
        ap_uint<1> end;
        ap_uint<1> abort;
        ap_uint<1> all_logits;
        TokenCount tokens;

        HeaderWord to_word() const {
#pragma HLS INLINE
            return pack_fields<HeaderWord>(end, abort, all_logits, tokens);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.end, header.abort, header.all_logits, header.tokens);
            return header;
        }
    };

    struct Candidate {
        bool used;
        Sum sum;
        Logit logit;
        TokenCount token;
    };

    enum Phase { kIdle, kScores, kBest };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Header run;
        Order at;
        Candidate best[kLanes][kTopK];
        // Best tokens that have left.
        ap_uint<bits_for(kLanes* kTopK - 1)> sent;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Score>& scores,
                     hls::stream<StreamWord>& output, hls::stream<Status>& status) {
#pragma HLS INLINE
        if (state.phase == kIdle) {
            start(state, Header::from_word(headers.read()), output, status);
        } else if (state.phase == kScores) {
            take_score(state, scores.read(), output);
        } else {
            send_best(state, output);
        }
    }

  private:
    static void start(State& state, const Header& header, hls::stream<StreamWord>& output,
                      hls::stream<Status>& status) {
#pragma HLS INLINE
        state.run = header;
        state.at.restart(header.tokens);
        state.sent = 0;
        if (header.end == 1) {
            if (header.abort == 1) {
                output.write(stream_word(0, true));
            }
            status.write(1);
        } else {
            state.phase = kScores;
        }
    }

    static void take_score(State& state, const Score& word, hls::stream<StreamWord>& output) {
#pragma HLS INLINE
        Candidate candidate;
        candidate.used = true;
        candidate.token = state.at.element();
        unpack_fields(word, candidate.sum, candidate.logit);
        if (state.at.inside()) {
            insert(state, candidate);
            if (state.run.all_logits == 1) {
                output.write(stream_word(halves(candidate.logit, candidate.sum), false));
            }
        }
        if (state.at.ends_vectors()) {
            state.phase = kBest;
        }
        state.at.advance();
    }

    static StreamData halves(const ap_int<kHalf>& low, const ap_int<kHalf>& high) {
#pragma HLS INLINE
        return pack_fields<StreamData>(low, high);
    }

    /// Sorted insertion: every place compares with the newcomer and moves down if it is better.
    static void insert(State& state, const Candidate& candidate) {
#pragma HLS INLINE
    lanes:
        for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
            if (state.at.lane == lane) {
            places:
                for (int place = kTopK - 1; place >= 0; --place) {
#pragma HLS UNROLL
                    const bool here = beats(candidate, state.best[lane][place]);
                    const bool above =
                        place > 0 && beats(candidate, state.best[lane][place > 0 ? place - 1 : 0]);
                    if (above) {
                        state.best[lane][place] = state.best[lane][place > 0 ? place - 1 : 0];
                    } else if (here) {
                        state.best[lane][place] = candidate;
                    }
                }
            }
        }
    }

    static bool beats(const Candidate& candidate, const Candidate& other) {
#pragma HLS INLINE
        return !other.used || candidate.sum > other.sum;
    }

    /// All places of all lanes are one chain that moves towards the output.
    static void send_best(State& state, hls::stream<StreamWord>& output) {
#pragma HLS INLINE
        const Candidate best = state.best[0][0];
    lanes:
        for (int lane = 0; lane < kLanes; ++lane) {
#pragma HLS UNROLL
        places:
            for (int place = 0; place + 1 < kTopK; ++place) {
#pragma HLS UNROLL
                state.best[lane][place] = state.best[lane][place + 1];
            }
            if (lane + 1 < kLanes) {
                state.best[lane][kTopK - 1] = state.best[lane + 1 < kLanes ? lane + 1 : 0][0];
            }
        }
        state.best[kLanes - 1][kTopK - 1].used = false;
        const bool last = state.sent == kLanes * kTopK - 1;
        const ap_int<kHalf> token = best.used ? ap_int<kHalf>(best.token) : ap_int<kHalf>(-1);
        const ap_int<kHalf> logit = best.used ? ap_int<kHalf>(best.logit) : ap_int<kHalf>(0);
        output.write(stream_word(halves(logit, token), last));
        state.sent = state.sent + 1;
        if (last) {
            state.phase = kIdle;
        }
    }
};

}  // namespace tritforge
