// SPDX-License-Identifier: Apache-2.0
//
// Program check: whether a record may stand where it does, and fits the machine.
//
// What it computes: the first thing that is wrong with a record, as an error code: what it is,
//                   where it stands, its sizes, its other fields. Order: EMBED; for every block
//                   NORM, QUERY, KEY, VALUE, ATTENTION, PROJECT, NORM, HIDDEN, GELU, OUTPUT; then
//                   NORM of one token, CLASSIFY.
// Interface:        functions of a record and of what the records before it have fixed.
// Formats:          fields as in record.hpp.
// Timing:           combinational; the sequencer gives it a step of its own.
// Assumptions:      `accept` sees a record only if it has no error.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "ivit/record.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct ProgramCheck {
    using Error = ap_uint<8>;
    using Dim = ap_uint<bits_for(Config::kDim)>;
    using Hidden = ap_uint<bits_for(Config::kHidden)>;
    using Tokens = ap_uint<bits_for(Config::kTokens)>;
    using Block = ap_uint<bits_for(Config::kLayers)>;

    /// What stands before the next record.
    enum Position {
        kStart,
        kBlock,
        kFirstNorm,
        kQueries,
        kKeys,
        kValues,
        kContext,
        kFirstAdd,
        kSecondNorm,
        kHiddenLayer,
        kActivations,
        kLastNorm,
        kAll,
    };

    /// All zero is the start of a program.
    struct State {
        ap_uint<4> position;
        Block block;
        // Sizes that the records so far have fixed.
        Dim dim;
        Hidden hidden;
        Tokens tokens;
        ap_uint<8> heads;
        bool has_hidden;
    };

    static void restart(State& state) {
#pragma HLS INLINE
        state.position = kStart;
        state.block = 0;
        state.has_hidden = false;
    }

    static bool is_complete(const State& state) { return state.position == kAll; }

    static Error first_error(const State& state, const Record& record) {
#pragma HLS INLINE
        const bool known = record.magic == Config::kMagic &&
                           record.kind >= Config::kEmbedOperation &&
                           record.kind <= Config::kLastOperation;
        if (!known) {
            return Config::kUnknownOperation;
        }
        if (!in_order(state, record)) {
            return Config::kOperationOutOfOrder;
        }
        if (!sizes_fit(state, record)) {
            return Config::kShapeTooLarge;
        }
        return fields_fit(record) ? Config::kNone : Config::kInvalidField;
    }

    static void accept(State& state, const Record& record) {
#pragma HLS INLINE
        if (state.position == kStart) {
            state.dim = record.features;
            state.tokens = record.tokens;
            state.position = kBlock;
        } else if (state.position == kBlock && ends_blocks(record)) {
            state.position = kLastNorm;
        } else if (state.position == kSecondNorm) {
            state.hidden = record.features;
            state.has_hidden = true;
            state.position = kHiddenLayer;
        } else if (state.position == kKeys) {
            state.heads = record.heads;
            state.position = kValues;
        } else if (state.position == kActivations) {
            state.block = state.block + 1;
            state.position = kBlock;
        } else if (state.position == kLastNorm) {
            state.position = kAll;
        } else {
            state.position = state.position + 1;
        }
    }

  private:
    /// The last norm is of the class token alone.
    static bool ends_blocks(const Record& record) {
#pragma HLS INLINE
        return record.tokens == 1;
    }

    static bool in_order(const State& state, const Record& record) {
#pragma HLS INLINE
        const ap_uint<4> at = state.position;
        const bool follows = (at == kStart && record.kind == Config::kEmbedOperation) ||
                             (at == kBlock && record.kind == Config::kNormOperation) ||
                             (at == kFirstNorm && record.kind == Config::kQueryOperation) ||
                             (at == kQueries && record.kind == Config::kKeyOperation) ||
                             (at == kKeys && record.kind == Config::kValueOperation) ||
                             (at == kValues && record.kind == Config::kAttentionOperation) ||
                             (at == kContext && record.kind == Config::kProjectOperation) ||
                             (at == kFirstAdd && record.kind == Config::kNormOperation) ||
                             (at == kSecondNorm && record.kind == Config::kHiddenOperation) ||
                             (at == kHiddenLayer && record.kind == Config::kGeluOperation) ||
                             (at == kActivations && record.kind == Config::kOutputOperation) ||
                             (at == kLastNorm && record.kind == Config::kClassifyOperation);
        return follows && record.block == state.block;
    }

    static bool sizes_fit(const State& state, const Record& record) {
#pragma HLS INLINE
        const ap_uint<4> at = state.position;
        const bool from_dim = record.inputs == state.dim;
        const bool to_dim = record.features == state.dim;
        if (at == kStart) {
            return record.inputs >= 1 && record.inputs <= Config::kPatchInputs &&
                   record.features >= Config::kMinimumDim && record.features <= Config::kDim &&
                   record.tokens >= Config::kMinimumTokens && record.tokens <= Config::kTokens;
        }
        const bool last = (at == kBlock && ends_blocks(record)) || at == kLastNorm;
        const bool tokens_fit =
            last ? record.tokens == 1
                 : record.tokens == state.tokens && state.block < Config::kLayers;
        if (!tokens_fit) {
            return false;
        }
        if (record.kind == Config::kAttentionOperation) {
            return record.inputs == record.features && record.heads == state.heads &&
                   heads_fit(state, record.heads, record.inputs);
        }
        if (record.kind == Config::kValueOperation) {
            return from_dim && to_dim && heads_fit(state, record.heads, record.head_dim);
        }
        if (record.kind == Config::kHiddenOperation) {
            const bool first =
                record.features >= Config::kMinimumHidden && record.features <= Config::kHidden;
            return from_dim && (state.has_hidden ? record.features == state.hidden : first);
        }
        if (record.kind == Config::kGeluOperation) {
            return record.inputs == state.hidden && record.features == state.hidden;
        }
        if (record.kind == Config::kOutputOperation) {
            return record.inputs == state.hidden && to_dim;
        }
        if (record.kind == Config::kClassifyOperation) {
            return from_dim && record.features >= Config::kMinimumClasses &&
                   record.features <= Config::kClasses;
        }
        return from_dim && to_dim;
    }

    static bool heads_fit(const State& state, const ap_uint<8>& heads,
                          const ap_uint<32>& head_dim) {
#pragma HLS INLINE
        return heads >= 1 && heads <= Config::kHeads && head_dim >= 1 && head_dim <= state.dim &&
               Dim(head_dim) * heads == state.dim;
    }

    static bool fields_fit(const Record& record) {
#pragma HLS INLINE
        const bool attention = record.kind == Config::kAttentionOperation;
        const bool gelu = record.kind == Config::kGeluOperation;
        const bool adds = record.kind == Config::kEmbedOperation ||
                          record.kind == Config::kProjectOperation ||
                          record.kind == Config::kOutputOperation;
        const int largest = attention ? Config::ShiftmaxConfig::kLargestX0
                            : gelu    ? Config::ShiftgeluConfig::kLargestX0
                                      : 0;
        const int least = attention || gelu ? 1 : 0;
        const bool value = record.kind == Config::kValueOperation;
        return (attention || value || record.heads == 1) && (value || record.head_dim == 0) &&
               record.x0 >= least && record.x0 <= largest &&
               factor_fits(record.factor[0], attention || gelu || adds) &&
               factor_fits(record.factor[1], attention || adds);
    }

    static bool factor_fits(const RecordFactor& factor, bool used) {
#pragma HLS INLINE
        const bool none = factor.multiplier == 0 && factor.shift == 0;
        const bool fits = (factor.multiplier >> Config::kMultiplier) == 0 &&
                          factor.shift <= Config::kLargestShift;
        return used ? fits : none;
    }
};

}  // namespace tritforge
