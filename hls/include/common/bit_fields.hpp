// SPDX-License-Identifier: Apache-2.0
//
// Fields of a stream word side by side, the first one in the low bits. Wiring only, no hardware.
//
//   word = pack_fields<Word>(a, b, c);   unpack_fields(word, a, b, c);
//
// Fields are ap_int or ap_uint; their widths must add up to that of the word (static_assert).
#pragma once

#include "ap_int.h"

namespace tritforge {
namespace detail {

template <int Low, class Word>
inline void pack_from(Word&) {
#pragma HLS INLINE
    static_assert(Low == Word::width, "the fields do not fill the word");
}

template <int Low, class Word, class Field, class... Fields>
inline void pack_from(Word& word, const Field& field, const Fields&... fields) {
#pragma HLS INLINE
    word.range(Low + Field::width - 1, Low) = ap_uint<Field::width>(field);
    pack_from<Low + Field::width>(word, fields...);
}

template <int Low, class Word>
inline void unpack_from(const Word&) {
#pragma HLS INLINE
    static_assert(Low == Word::width, "the fields do not fill the word");
}

template <int Low, class Word, class Field, class... Fields>
inline void unpack_from(const Word& word, Field& field, Fields&... fields) {
#pragma HLS INLINE
    const ap_uint<Field::width> bits = word.range(Low + Field::width - 1, Low);
    field = bits;
    unpack_from<Low + Field::width>(word, fields...);
}

}  // namespace detail

/// Sum of the widths of the fields, for the type of their word.
template <class... Fields>
struct TotalWidth {
    static constexpr int value = 0;
};
template <class Field, class... Fields>
struct TotalWidth<Field, Fields...> {
    static constexpr int value = Field::width + TotalWidth<Fields...>::value;
};

/// Word that holds exactly these fields.
template <class... Fields>
using FieldsWord = ap_uint<TotalWidth<Fields...>::value>;

/// The fields as one word.
template <class Word, class... Fields>
inline Word pack_fields(const Fields&... fields) {
#pragma HLS INLINE
    Word word = 0;
    detail::pack_from<0>(word, fields...);
    return word;
}

/// Splits a word into its fields.
template <class Word, class... Fields>
inline void unpack_fields(const Word& word, Fields&... fields) {
#pragma HLS INLINE
    detail::unpack_from<0>(word, fields...);
}

}  // namespace tritforge
