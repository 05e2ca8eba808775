// SPDX-License-Identifier: Apache-2.0
//
// Sequencer: reads the in-band program and tells every other process what to do next.
//
// What it computes: nothing; it checks each record (program_check.hpp), counts groups and slices,
//                   and sends each process that takes part its header. Nothing unchecked reaches
//                   another process.
// Interface:        commands in   one per run, without a meaning so far;
//                   program in    one packet per run: a record per operation;
//                   *_headers out, *_commands out  one per process and step of an operation;
//                   *_status in   one per run from every process that reports;
//                   results out   one per run: error code in the low 8 bits, then early and late of
//                                 every stream: program, weights, positions, patches.
// Steps:            EMBED has two, patches and their product. ATTENTION has three for every group
//                   of tokens and every head: scores, Shiftmax, context. The processes of a step
//                   need nothing of a later one, so that none waits for a header that waits for it.
// Errors:           the first bad record ends the program. What was told before is done, the rest
//                   of all packets is dropped, and the run ends like any other; the next one starts
//                   clean.
// Formats:          program as in record.hpp.
// Timing:           one word of a record per step; two steps to check and to send, and one for
// every
//                   group and slice that is counted.
// Assumptions:      none.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/stream_word.hpp"
#include "hls_stream.h"
#include "ivit/codes.hpp"
#include "ivit/gelu_requantise.hpp"
#include "ivit/keys.hpp"
#include "ivit/layer_norm.hpp"
#include "ivit/matrix_array.hpp"
#include "ivit/norm_requantise.hpp"
#include "ivit/operand_choice.hpp"
#include "ivit/position_reader.hpp"
#include "ivit/probabilities.hpp"
#include "ivit/program_check.hpp"
#include "ivit/record.hpp"
#include "ivit/requantise.hpp"
#include "ivit/residual_add.hpp"
#include "ivit/result_route.hpp"
#include "ivit/row_packer.hpp"
#include "ivit/rows.hpp"
#include "ivit/scores.hpp"
#include "ivit/shiftgelu.hpp"
#include "ivit/shiftmax.hpp"
#include "ivit/values.hpp"
#include "ivit/weight_buffer.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct Sequencer {
    using Weights = WeightBuffer<Config>;
    using Positions = PositionReader<Config>;
    using Choice = OperandChoice<Config>;
    using Array = MatrixArray<Config>;
    using Requant = Requantise<Config>;
    using Route = ResultRoute<Config>;
    using Residuals = ResidualAdd<Config>;
    using Packer = RowPacker<Config>;
    using Norm = LayerNorm<typename Config::LayerNormConfig>;
    using NormFactors = NormRequantise<Config>;
    using Softmax = Shiftmax<typename Config::ShiftmaxConfig>;
    using Gelu = Shiftgelu<typename Config::ShiftgeluConfig>;
    using GeluFactor = GeluRequantise<Config>;
    using CodeBanks = Codes<Config>;
    using RowBanks = Rows<Config>;
    using ScoreBanks = Scores<Config>;
    using ShareBanks = Probabilities<Config>;
    using KeyBanks = Keys<Config>;
    using ValueBanks = Values<Config>;

    static constexpr int kTokens = Array::kTokens;
    static constexpr int kFeatures = Array::kFeatures;
    static constexpr int kElements = Config::kElements;
    static constexpr int kDigits = Config::kProbabilityDigits;

    using CommandWord = ap_uint<1>;
    using Check = ProgramCheck<Config>;
    using Error = typename Check::Error;
    using Count = typename Array::BeatCount;
    using TileCount = typename Array::TileCount;
    using SliceCount = typename Requant::SliceCount;
    using GroupCount = typename Requant::GroupCount;
    using TokenCount = ap_uint<bits_for(Config::kTokens)>;
    using FeatureCount = typename Route::FeatureCount;
    using HeadCount = ap_uint<bits_for(Config::kHeads)>;
    using RowAddress = ap_uint<bits_for(1LL * Config::kTokenGroups * Config::kDim)>;
    /// Early and late of every stream.
    using PacketErrors = FieldsWord<ap_uint<2>, typename Weights::Status,
                                    typename Positions::Status, typename RowBanks::Status>;
    using ResultWord = FieldsWord<Error, PacketErrors>;

    enum Phase {
        kIdle,
        kRead,
        kCheck,
        kCountTokens,
        kCountFeatures,
        kPatches,
        kIssue,
        kScores,
        kShares,
        kContext,
        kDrop,
        kEnd,
        kReport,
    };

    /// All zero is the idle state.
    struct State {
        ap_uint<4> phase;
        PacketReader packet;
        StreamData words[Record::kWords];
        ap_uint<bits_for(Record::kWords)> word;
        Error error;
        typename Check::State program;
        // What is still to be counted of an operation.
        TokenCount tokens_to_count;
        TokenCount keys_to_count;
        FeatureCount features_to_count;
        FeatureCount channels_to_count;
        // Groups of tokens, slices of features and of keys, and what the last ones hold.
        GroupCount groups;
        TokenCount last_tokens;
        SliceCount slices;
        FeatureCount last_features;
        SliceCount key_slices;
        TokenCount last_keys;
        TileCount tiles;
        // Slices of the values of a head.
        SliceCount head_slices;
        // Where attention stands: groups and heads left, first word of the group, first channel.
        GroupCount groups_left;
        HeadCount heads_left;
        RowAddress base;
        Count first;
    };

    static void step(State& state, hls::stream<CommandWord>& commands,
                     hls::stream<StreamWord>& program,
                     hls::stream<typename Weights::Status>& weight_status,
                     hls::stream<typename Positions::Status>& position_status,
                     hls::stream<typename RowBanks::Status>& row_status,
                     hls::stream<typename Route::Status>& route_status,
                     hls::stream<typename Weights::HeaderWord>& weight_headers,
                     hls::stream<typename Positions::HeaderWord>& position_headers,
                     hls::stream<typename Choice::HeaderWord>& choice_headers,
                     hls::stream<typename Array::HeaderWord>& array_headers,
                     hls::stream<typename Requant::HeaderWord>& requantise_headers,
                     hls::stream<typename Route::HeaderWord>& route_headers,
                     hls::stream<typename Residuals::HeaderWord>& residual_headers,
                     hls::stream<typename Packer::HeaderWord>& packer_headers,
                     hls::stream<typename Norm::CommandWord>& norm_commands,
                     hls::stream<typename NormFactors::HeaderWord>& norm_headers,
                     hls::stream<typename Softmax::CommandWord>& shiftmax_commands,
                     hls::stream<typename Gelu::CommandWord>& shiftgelu_commands,
                     hls::stream<typename GeluFactor::HeaderWord>& gelu_headers,
                     hls::stream<typename CodeBanks::HeaderWord>& code_headers,
                     hls::stream<typename RowBanks::HeaderWord>& row_headers,
                     hls::stream<typename ScoreBanks::HeaderWord>& score_headers,
                     hls::stream<typename ShareBanks::HeaderWord>& probability_headers,
                     hls::stream<typename KeyBanks::HeaderWord>& key_headers,
                     hls::stream<typename ValueBanks::HeaderWord>& value_headers,
                     hls::stream<ResultWord>& results) {
#pragma HLS INLINE
        const StreamData data =
            state.packet.next(program, state.phase == kRead, state.phase == kDrop);
        const Record record = Record::from_words(state.words);
        // Headers of this step; a process gets one if its flag is set.
        Headers headers;
        headers.none();
        if (state.phase == kIdle) {
            commands.read();
            begin_run(state);
        } else if (state.phase == kRead) {
            read_word(state, data);
        } else if (state.phase == kCheck) {
            check(state, record);
        } else if (state.phase == kCountTokens) {
            count_tokens(state);
        } else if (state.phase == kCountFeatures) {
            count_features(state, record);
        } else if (state.phase == kPatches) {
            take_patches(state, record, headers);
        } else if (state.phase == kIssue) {
            issue(state, record, headers);
        } else if (state.phase == kScores) {
            send_scores(state, record, headers);
        } else if (state.phase == kShares) {
            send_shares(state, headers);
        } else if (state.phase == kContext) {
            send_context(state, record, headers);
        } else if (state.phase == kDrop) {
            if (state.packet.ended) {
                state.phase = kEnd;
            }
        } else if (state.phase == kEnd) {
            end_run(state, headers);
        } else {
            route_status.read();
            results.write(
                result(state, weight_status.read(), position_status.read(), row_status.read()));
            state.phase = kIdle;
        }
        if (headers.to_weights) weight_headers.write(headers.weights.to_word());
        if (headers.to_positions) position_headers.write(headers.positions.to_word());
        if (headers.to_array) choice_headers.write(headers.choice.to_word());
        if (headers.to_array) array_headers.write(headers.array.to_word());
        if (headers.to_array) requantise_headers.write(headers.requantise.to_word());
        if (headers.to_route) route_headers.write(headers.route.to_word());
        if (headers.to_residual) residual_headers.write(headers.residual.to_word());
        if (headers.to_norm) packer_headers.write(headers.packer.to_word());
        if (headers.to_norm) norm_commands.write(headers.norm.to_word());
        if (headers.to_norm) norm_headers.write(headers.norm_factors.to_word());
        if (headers.to_shiftmax) shiftmax_commands.write(headers.shiftmax.to_word());
        if (headers.to_shiftgelu) shiftgelu_commands.write(headers.shiftgelu.to_word());
        if (headers.to_gelu) gelu_headers.write(headers.gelu.to_word());
        if (headers.to_codes) code_headers.write(headers.codes.to_word());
        if (headers.to_rows) row_headers.write(headers.rows.to_word());
        if (headers.to_scores) score_headers.write(headers.scores.to_word());
        if (headers.to_shares) probability_headers.write(headers.shares.to_word());
        if (headers.to_keys) key_headers.write(headers.keys.to_word());
        if (headers.to_values) value_headers.write(headers.values.to_word());
    }

  private:
    struct Headers {
        bool to_weights, to_positions, to_array, to_route, to_residual, to_norm;
        bool to_shiftmax, to_shiftgelu, to_gelu;
        bool to_codes, to_rows, to_scores, to_shares, to_keys, to_values;
        typename Weights::Header weights;
        typename Positions::Header positions;
        typename Choice::Header choice;
        typename Array::Header array;
        typename Requant::Header requantise;
        typename Route::Header route;
        typename Residuals::Header residual;
        typename Packer::Header packer;
        typename Norm::Command norm;
        typename NormFactors::Header norm_factors;
        typename Softmax::Command shiftmax;
        typename Gelu::Command shiftgelu;
        typename GeluFactor::Header gelu;
        typename CodeBanks::Header codes;
        typename RowBanks::Header rows;
        typename ScoreBanks::Header scores;
        typename ShareBanks::Header shares;
        typename KeyBanks::Header keys;
        typename ValueBanks::Header values;

        void none() {
#pragma HLS INLINE
            to_weights = to_positions = to_array = to_route = to_residual = to_norm = false;
            to_shiftmax = to_shiftgelu = to_gelu = false;
            to_codes = to_rows = to_scores = to_shares = to_keys = to_values = false;
            weights = Weights::Header::from_word(0);
            positions = Positions::Header::from_word(0);
            choice = Choice::Header::from_word(0);
            array = Array::Header::from_word(0);
            requantise = Requant::Header::from_word(0);
            route = Route::Header::from_word(0);
            residual = Residuals::Header::from_word(0);
            packer = Packer::Header::from_word(0);
            norm = Norm::Command::from_word(0);
            norm_factors = NormFactors::Header::from_word(0);
            shiftmax = Softmax::Command::from_word(0);
            shiftgelu = Gelu::Command::from_word(0);
            gelu = GeluFactor::Header::from_word(0);
            codes = CodeBanks::Header::from_word(0);
            rows = RowBanks::Header::from_word(0);
            scores = ScoreBanks::Header::from_word(0);
            shares = ShareBanks::Header::from_word(0);
            keys = KeyBanks::Header::from_word(0);
            values = ValueBanks::Header::from_word(0);
        }
    };

    static void begin_run(State& state) {
#pragma HLS INLINE
        state.packet.restart();
        state.word = 0;
        state.error = 0;
        Check::restart(state.program);
        state.phase = kRead;
    }

    static void read_word(State& state, const StreamData& data) {
#pragma HLS INLINE
    words:
        for (int index = 0; index < Record::kWords; ++index) {
#pragma HLS UNROLL
            if (state.word == index) {
                state.words[index] = data;
            }
        }
        state.word = state.word + 1;
        if (state.word == Record::kWords) {
            state.word = 0;
            state.phase = kCheck;
        }
    }

    static void check(State& state, const Record& record) {
#pragma HLS INLINE
        state.error = state.packet.early ? Error(Config::kStreamLength)
                                         : Check::first_error(state.program, record);
        state.tokens_to_count = record.tokens;
        state.keys_to_count = record.tokens;
        state.features_to_count = record.features;
        state.channels_to_count = record.head_dim;
        state.groups = 0;
        state.slices = 0;
        state.key_slices = 0;
        state.tiles = 0;
        state.head_slices = 0;
        state.phase = state.error == 0 ? kCountTokens : kDrop;
    }

    static void count_tokens(State& state) {
#pragma HLS INLINE
        if (state.tokens_to_count != 0) {
            state.groups = state.groups + 1;
            state.last_tokens = state.tokens_to_count;
            state.tokens_to_count = without<kTokens>(state.tokens_to_count);
        }
        if (state.keys_to_count != 0) {
            state.key_slices = state.key_slices + 1;
            state.last_keys = state.keys_to_count;
            state.keys_to_count = without<kFeatures>(state.keys_to_count);
        }
        if (state.tokens_to_count == 0 && state.keys_to_count == 0) {
            state.phase = kCountFeatures;
        }
    }

    static void count_features(State& state, const Record& record) {
#pragma HLS INLINE
        if (state.features_to_count != 0) {
            state.slices = state.slices + 1;
            state.tiles = state.tiles + state.groups;
            state.last_features = state.features_to_count;
            state.features_to_count = without<kFeatures>(state.features_to_count);
            if (state.channels_to_count != 0) {
                state.head_slices = state.head_slices + 1;
                state.channels_to_count = without<kFeatures>(state.channels_to_count);
            }
        } else if (state.head_slices * record.heads > Config::kValueGroups) {
            state.error = Config::kShapeTooLarge;
            state.phase = kDrop;
        } else {
            Check::accept(state.program, record);
            state.phase = record.kind == Config::kEmbedOperation ? kPatches : kIssue;
        }
    }

    /// What is left behind a group, 0 behind the last one.
    template <int kGroup, int W>
    static ap_uint<W> without(const ap_uint<W>& count) {
#pragma HLS INLINE
        return count > kGroup ? ap_uint<W>(count - kGroup) : ap_uint<W>(0);
    }

    static Count words_of(const Count& numbers) {
#pragma HLS INLINE
        return (numbers + (kElements - 1)) >> (bits_for(kElements) - 1);
    }

    /// Behind the last header of an operation.
    static void finish(State& state) {
#pragma HLS INLINE
        state.phase = Check::is_complete(state.program) ? kDrop : kRead;
    }

    static void take_patches(State& state, const Record& record, Headers& headers) {
#pragma HLS INLINE
        headers.to_rows = true;
        headers.rows.kind = RowBanks::Banks::kStorePatches;
        headers.rows.slices = 1;
        headers.rows.groups = state.groups;
        headers.rows.numbers = record.inputs;
        headers.rows.last_numbers = record.inputs;
        headers.rows.row_words = words_of(record.inputs);
        state.phase = kIssue;
    }

    static void issue(State& state, const Record& record, Headers& headers) {
#pragma HLS INLINE
        state.groups_left = state.groups;
        state.heads_left = record.heads;
        state.base = 0;
        state.first = 0;
        if (record.kind == Config::kNormOperation) {
            issue_norm(record, headers);
            finish(state);
        } else if (record.kind == Config::kAttentionOperation) {
            state.phase = kScores;
        } else if (record.kind == Config::kGeluOperation) {
            issue_gelu(record, headers);
            finish(state);
        } else {
            issue_linear(state, record, headers);
            finish(state);
        }
    }

    static void issue_norm(const Record& record, Headers& headers) {
#pragma HLS INLINE
        headers.to_weights = true;
        headers.weights.kind = Weights::kNorm;
        headers.weights.slices = 1;
        headers.weights.inputs = record.features;
        headers.weights.groups = 1;
        headers.to_residual = true;
        headers.residual.kind = Residuals::kSend;
        headers.residual.features = record.features;
        headers.residual.tokens = record.tokens;
        headers.to_norm = true;
        headers.packer.length = record.features;
        headers.packer.rows = record.tokens;
        headers.norm.length = record.features;
        headers.norm.rows = record.tokens;
        headers.norm_factors.channels = record.features;
        headers.norm_factors.tokens = record.tokens;
        headers.to_codes = true;
        headers.codes.kind = CodeBanks::Banks::kStoreElements;
        headers.codes.row_words = words_of(record.features);
        headers.codes.tokens = record.tokens;
    }

    static void issue_gelu(const Record& record, Headers& headers) {
#pragma HLS INLINE
        headers.to_rows = true;
        headers.rows.kind = RowBanks::Banks::kExchange;
        headers.rows.row_words = words_of(record.features);
        headers.rows.tokens = record.tokens;
        headers.to_shiftgelu = true;
        headers.shiftgelu.length = record.features;
        headers.shiftgelu.rows = record.tokens;
        headers.shiftgelu.x0 = record.x0;
        headers.to_gelu = true;
        headers.gelu.words = words_of(record.features);
        headers.gelu.tokens = record.tokens;
        headers.gelu.factor.multiplier = record.factor[0].multiplier;
        headers.gelu.factor.shift = record.factor[0].shift;
    }

    static void issue_linear(const State& state, const Record& record, Headers& headers) {
#pragma HLS INLINE
        const auto kind = record.kind;
        const bool embeds = kind == Config::kEmbedOperation;
        const bool from_rows = embeds || kind == Config::kOutputOperation;
        const bool to_residual = from_rows || kind == Config::kProjectOperation;
        const bool to_rows = kind == Config::kQueryOperation || kind == Config::kHiddenOperation;
        const bool to_keys = kind == Config::kKeyOperation;
        const bool to_values = kind == Config::kValueOperation;
        headers.to_weights = true;
        headers.weights.kind = Weights::kLinear;
        headers.weights.slices = state.slices;
        headers.weights.inputs = record.inputs;
        headers.weights.groups = state.groups;
        headers.to_array = true;
        headers.choice.pair = from_rows ? Choice::kRowsWeights : Choice::kCodesWeights;
        headers.choice.beats = record.inputs;
        headers.choice.tiles = state.tiles;
        headers.array.beats = record.inputs;
        headers.array.tiles = state.tiles;
        headers.requantise.slices = state.slices;
        headers.requantise.last_features = state.last_features;
        headers.requantise.groups = state.groups;
        headers.requantise.width = to_residual                          ? Requant::kResidual
                                   : kind == Config::kClassifyOperation ? Requant::kLogit
                                                                        : Requant::kActivation;
        headers.requantise.per_feature = 1;
        headers.to_route = true;
        headers.route.target = to_residual ? Route::kResidual
                               : to_rows   ? Route::kRows
                               : to_keys   ? Route::kKeys
                               : to_values ? Route::kValues
                                           : Route::kLogits;
        headers.route.features = record.features;
        headers.route.groups = state.groups;
        headers.to_positions = embeds;
        headers.positions.features = record.features;
        headers.positions.groups = state.groups;
        headers.to_residual = to_residual;
        headers.residual.kind = embeds ? Residuals::kEmbed : Residuals::kAdd;
        headers.residual.features = record.features;
        headers.residual.tokens = record.tokens;
        headers.residual.branch.multiplier = record.factor[0].multiplier;
        headers.residual.branch.shift = record.factor[0].shift;
        headers.residual.identity.multiplier = record.factor[1].multiplier;
        headers.residual.identity.shift = record.factor[1].shift;
        headers.to_codes = !from_rows;
        headers.codes.kind = CodeBanks::Banks::kLefts;
        headers.codes.slices = state.slices;
        headers.codes.groups = state.groups;
        headers.codes.numbers = record.inputs;
        headers.codes.last_numbers = record.inputs;
        headers.codes.row_words = words_of(record.inputs);
        // What comes out of it goes to other rows than what goes in.
        headers.to_rows = from_rows || to_rows;
        headers.rows.kind = from_rows ? RowBanks::Banks::kLefts : RowBanks::Banks::kStoreResults;
        headers.rows.slices = state.slices;
        headers.rows.groups = state.groups;
        headers.rows.numbers = from_rows ? Count(record.inputs) : Count(kFeatures);
        headers.rows.last_numbers = from_rows ? Count(record.inputs) : Count(state.last_features);
        headers.rows.row_words = words_of(from_rows ? record.inputs : record.features);
        headers.to_keys = to_keys;
        headers.keys.stores = 1;
        headers.keys.slices = state.slices;
        headers.keys.groups = state.groups;
        headers.keys.channels = kFeatures;
        headers.keys.last_channels = state.last_features;
        headers.keys.row = record.features;
        headers.keys.tokens = record.tokens;
        headers.to_values = to_values;
        headers.values.stores = 1;
        headers.values.restarts = 1;
        headers.values.slices = state.slices;
        headers.values.groups = state.groups;
        headers.values.channels = kFeatures;
        headers.values.last_channels = state.last_features;
        headers.values.head_dim = record.head_dim;
        headers.values.tokens = record.tokens;
    }

    /// Tokens of the group at work.
    static TokenCount tokens_of_group(const State& state) {
#pragma HLS INLINE
        return state.groups_left == 1 ? state.last_tokens : TokenCount(kTokens);
    }

    static void send_scores(State& state, const Record& record, Headers& headers) {
#pragma HLS INLINE
        const Count row_words = words_of(state.program.dim);
        headers.to_rows = true;
        headers.rows.kind = RowBanks::Banks::kLefts;
        headers.rows.slices = state.key_slices;
        headers.rows.groups = 1;
        headers.rows.numbers = record.inputs;
        headers.rows.last_numbers = record.inputs;
        headers.rows.first = state.first;
        headers.rows.base = state.base;
        headers.rows.row_words = row_words;
        headers.to_keys = true;
        headers.keys.slices = state.key_slices;
        headers.keys.groups = 1;
        headers.keys.channels = record.inputs;
        headers.keys.last_channels = record.inputs;
        headers.keys.first = state.first;
        headers.keys.row = state.program.dim;
        headers.keys.tokens = record.tokens;
        headers.to_array = true;
        headers.choice.pair = Choice::kRowsKeys;
        headers.choice.beats = record.inputs;
        headers.choice.tiles = state.key_slices;
        headers.array.beats = record.inputs;
        headers.array.tiles = state.key_slices;
        headers.requantise.slices = state.key_slices;
        headers.requantise.last_features = state.last_keys;
        headers.requantise.groups = 1;
        headers.requantise.width = Requant::kActivation;
        headers.requantise.factor.multiplier = record.factor[0].multiplier;
        headers.requantise.factor.shift = record.factor[0].shift;
        headers.to_route = true;
        headers.route.target = Route::kScores;
        headers.route.features = record.tokens;
        headers.route.groups = 1;
        headers.to_scores = true;
        headers.scores.kind = ScoreBanks::Banks::kStoreResults;
        headers.scores.slices = state.key_slices;
        headers.scores.groups = 1;
        headers.scores.numbers = kFeatures;
        headers.scores.last_numbers = state.last_keys;
        headers.scores.row_words = words_of(record.tokens);
        state.phase = kShares;
    }

    static void send_shares(State& state, Headers& headers) {
#pragma HLS INLINE
        const Record record = Record::from_words(state.words);
        const TokenCount tokens = tokens_of_group(state);
        headers.to_scores = true;
        headers.scores.kind = ScoreBanks::Banks::kElements;
        headers.scores.row_words = words_of(record.tokens);
        headers.scores.tokens = tokens;
        headers.to_shiftmax = true;
        headers.shiftmax.length = record.tokens;
        headers.shiftmax.rows = tokens;
        headers.shiftmax.x0 = record.x0;
        headers.to_shares = true;
        headers.shares.kind = ShareBanks::Banks::kStoreElements;
        headers.shares.row_words = words_of(record.tokens);
        headers.shares.tokens = tokens;
        state.phase = kContext;
    }

    static void send_context(State& state, const Record& record, Headers& headers) {
#pragma HLS INLINE
        const Count row_words = words_of(state.program.dim);
        const Count tokens = record.tokens;
        const Count beats = kDigits == 1 ? tokens : Count(tokens << 1);
        headers.to_shares = true;
        headers.shares.kind = ShareBanks::Banks::kLefts;
        headers.shares.slices = state.slices;
        headers.shares.groups = 1;
        headers.shares.numbers = tokens;
        headers.shares.last_numbers = tokens;
        headers.shares.row_words = words_of(tokens);
        headers.to_values = true;
        headers.values.restarts = state.first == 0;
        headers.values.slices = state.slices;
        headers.values.groups = 1;
        headers.values.tokens = record.tokens;
        headers.to_array = true;
        headers.choice.pair = Choice::kProbabilitiesValues;
        headers.choice.beats = beats;
        headers.choice.tiles = state.slices;
        headers.array.beats = beats;
        headers.array.tiles = state.slices;
        headers.array.second_digits = kDigits == 1 ? Count(0) : tokens;
        headers.requantise.slices = state.slices;
        headers.requantise.last_features = state.last_features;
        headers.requantise.groups = 1;
        headers.requantise.width = Requant::kActivation;
        headers.requantise.factor.multiplier = record.factor[1].multiplier;
        headers.requantise.factor.shift = record.factor[1].shift;
        headers.to_route = true;
        headers.route.target = Route::kCodes;
        headers.route.features = record.features;
        headers.route.groups = 1;
        headers.to_codes = true;
        headers.codes.kind = CodeBanks::Banks::kStoreResults;
        headers.codes.slices = state.slices;
        headers.codes.groups = 1;
        headers.codes.numbers = kFeatures;
        headers.codes.last_numbers = state.last_features;
        headers.codes.first = state.first;
        headers.codes.base = state.base;
        headers.codes.row_words = row_words;
        state.first = state.first + record.inputs;
        state.heads_left = state.heads_left - 1;
        if (state.heads_left == 0) {
            state.heads_left = record.heads;
            state.first = 0;
            state.base = state.base + row_words;
            state.groups_left = state.groups_left - 1;
        }
        state.phase = kScores;
        if (state.groups_left == 0) {
            finish(state);
        }
    }

    static void end_run(State& state, Headers& headers) {
#pragma HLS INLINE
        headers.to_weights = true;
        headers.weights.kind = Weights::kEnd;
        headers.to_positions = true;
        headers.positions.end = 1;
        headers.to_rows = true;
        headers.rows.kind = RowBanks::Banks::kEndRun;
        headers.to_route = true;
        headers.route.target = Route::kEndRun;
        headers.route.aborts = !Check::is_complete(state.program);
        state.phase = kReport;
    }

    static ResultWord result(const State& state, const typename Weights::Status& weights,
                             const typename Positions::Status& positions,
                             const typename RowBanks::Status& patches) {
#pragma HLS INLINE
        ap_uint<2> program = 0;
        program[0] = state.packet.early;
        program[1] = state.packet.late;
        PacketErrors packets = pack_fields<PacketErrors>(program, weights, positions, patches);
        if (state.error != 0) {
            // What was dropped after an error is no fault of its packet.
            packets = packets & early_flags();
        }
        Error error = state.error;
        if (error == 0 && packets != 0) {
            error = Config::kStreamLength;
        }
        return pack_fields<ResultWord>(error, packets);
    }

    static PacketErrors early_flags() {
#pragma HLS INLINE
        PacketErrors flags = 0;
    streams:
        for (int bit = 0; bit < PacketErrors::width; bit += 2) {
#pragma HLS UNROLL
            flags[bit] = 1;
        }
        return flags;
    }
};

}  // namespace tritforge
