// SPDX-License-Identifier: Apache-2.0
//
// Commands of the units that work on rows: so many rows of one length, with their parameters.
//
// What it computes: nothing; fields of a word.
// Interface:        one word per command; the rows follow in the unit's other streams. Rows of one
//                   command overlap inside a unit: it may want the elements of the next rows before
//                   it gives a row's results. Whoever needs those first sends commands of one row.
// Formats:          length 1..kRow, rows 1..2**kRowCountBits - 1, |x0| 1..kLargestX0.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"

namespace tritforge {

/// Rows without parameters.
/// @tparam Config  constants of one unit of the generated row_units_config.hpp
template <class Config>
struct RowCommand {
    using Length = ap_uint<bits_for(Config::kRow)>;
    using Rows = ap_uint<Config::kRowCountBits>;
    using Word = FieldsWord<Length, Rows>;

    Length length;
    Rows rows;

    Word to_word() const {
#pragma HLS INLINE
        return pack_fields<Word>(length, rows);
    }

    static RowCommand from_word(const Word& word) {
#pragma HLS INLINE
        RowCommand command;
        unpack_fields(word, command.length, command.rows);
        return command;
    }
};

/// Rows of integers of one scale, x0 = floor(-1 / scale).
/// @tparam Config  constants of one unit of the generated row_units_config.hpp
template <class Config>
struct ScaledRowCommand {
    using Length = typename RowCommand<Config>::Length;
    using Rows = typename RowCommand<Config>::Rows;
    using X0 = ap_uint<bits_for(Config::kLargestX0)>;
    using Word = FieldsWord<Length, Rows, X0>;

    Length length;
    Rows rows;
    X0 x0;  // magnitude

    Word to_word() const {
#pragma HLS INLINE
        return pack_fields<Word>(length, rows, x0);
    }

    static ScaledRowCommand from_word(const Word& word) {
#pragma HLS INLINE
        ScaledRowCommand command;
        unpack_fields(word, command.length, command.rows, command.x0);
        return command;
    }
};

}  // namespace tritforge
