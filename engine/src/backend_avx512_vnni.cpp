// SPDX-License-Identifier: Apache-2.0
// AVX-512 backend (F, BW, DQ, VL, VBMI, VNNI): dot products of 16 rows x 20 columns an instruction
// group.
//
// Load time: the stream is repacked into vectors of 64 bytes, 4 bytes (beats) of each of 16 rows,
// and every byte is renamed to a sign bit and a 7-bit index. The 243 words are 121 pairs of
// opposite sign and the zero word, so 122 indices suffice, and one two-register permute is a whole
// decoder: it gives four 2-bit fields (weight + 1); a second one gives the fifth field. The sign is
// applied as 2 - field. VPDPBUSD multiplies fields, scaled by 4**f in place, with codes; the
// surplus of one per weight is the sum of the codes, subtracted at the end.
//
// This file is compiled with flags that other CPUs cannot run: include nothing that defines inline
// functions with external linkage and call none (see fixed_point.hpp).
#include <immintrin.h>

#include <cstring>

#include "tritforge/backend.hpp"
#include "tritforge/elementwise.hpp"
#include "tritforge/ternary_code.hpp"

namespace tritforge {
namespace {

constexpr int kVectorBytes = 64;
constexpr int kBeatsPerVector = 4;
constexpr int kColumnsPerVector = kBeatsPerVector * kWeightsPerByte;
constexpr int kRowsPerVector = kVectorBytes / kBeatsPerVector;
constexpr int kVectorsPerBlock = kRowBlock / kRowsPerVector;
constexpr int kIndices = 128;
constexpr std::uint8_t kSignBit = 0x80;

/// Decoder of the renamed bytes and the renaming of the stream's bytes.
struct Tables {
    std::uint8_t fields[kIndices];  ///< first four weights + 1, two bits each
    std::uint8_t fifth[kIndices];   ///< fifth weight + 1
    std::uint8_t rename[kByteValues];
};

/// The first four weights + 1 as 2-bit fields, times `sign`.
constexpr std::uint8_t fields_of(const DecodedByte& word, int sign) {
    unsigned fields = 0;
    for (int position = 0; position < 4; ++position) {
        fields |= static_cast<unsigned>(sign * word.weights[position] + 1) << (2 * position);
    }
    return static_cast<std::uint8_t>(fields);
}

/// A word's sign is that of its last weight that is not zero.
constexpr int sign_of(const DecodedByte& word) {
    for (int position = kWeightsPerByte - 1; position >= 0; --position) {
        if (word.weights[position] != 0) return word.weights[position];
    }
    return 1;
}

constexpr Tables make_tables() {
    Tables tables{};
    int used = 0;
    for (unsigned byte = 0; byte < kByteValues; ++byte) {
        const DecodedByte word = decode_byte(byte);  // invalid bytes are the zero word
        const int sign = sign_of(word);
        const std::uint8_t fields = fields_of(word, sign);
        const auto fifth = static_cast<std::uint8_t>(sign * word.weights[4] + 1);
        int index = 0;
        while (index < used && (tables.fields[index] != fields || tables.fifth[index] != fifth)) {
            ++index;
        }
        if (index == used) ++used;
        tables.fields[index] = fields;
        tables.fifth[index] = fifth;
        tables.rename[byte] = static_cast<std::uint8_t>(index | (sign < 0 ? kSignBit : 0));
    }
    return tables;
}

alignas(kVectorBytes) constexpr Tables kTables = make_tables();
static_assert(kTables.fifth[121] != 0 && kTables.fifth[122] == 0,
              "the 243 words are 122 up to their sign");

bool is_supported() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
}

int column_groups(int inputs) { return divide_up(inputs, kColumnsPerVector); }

/// Repacked copy: matrix, row block, column group, vector of the block.
std::size_t block_bytes(const MatrixLayout& layout) {
    return static_cast<std::size_t>(column_groups(layout.inputs)) * kVectorsPerBlock * kVectorBytes;
}

std::size_t repacked_bytes(const MatrixLayout& layout) {
    return block_bytes(layout) * static_cast<std::size_t>(row_blocks(layout)) *
           static_cast<std::size_t>(layout.matrices);
}

void repack(const MatrixLayout& layout, const std::uint8_t* stream, std::uint8_t* repacked) {
    const int width = layout.rows_per_beat;
    for (int matrix = 0; matrix < layout.matrices; ++matrix) {
        for (int tile = 0; tile < row_tiles(layout); ++tile) {
            const std::uint8_t* source = stream + tile_offset(layout, tile, matrix);
            const int block = matrix * row_blocks(layout) + tile * width / kRowBlock;
            const int row = tile * width % kRowBlock;  // row of the tile inside its block
            std::uint8_t* target = repacked +
                                   static_cast<std::size_t>(block) * block_bytes(layout) +
                                   row * kBeatsPerVector;
            for (int beat = 0; beat < beats(layout); ++beat) {
                std::uint8_t* group =
                    target + beat / kBeatsPerVector * kVectorsPerBlock * kVectorBytes;
                for (int lane = 0; lane < width; ++lane) {
                    group[lane * kBeatsPerVector + beat % kBeatsPerVector] =
                        kTables.rename[*source++];
                }
            }
        }
    }
}

/// Scratch: the sum of the codes in the first 64 bytes, then five dwords a column group: byte j of
/// dword f is the code of column 5 * j + f.
std::size_t scratch_bytes(int inputs) {
    return static_cast<std::size_t>(kVectorBytes) * 2 +
           static_cast<std::size_t>(column_groups(inputs)) * kColumnsPerVector;
}

/// Source of every byte when three column groups are permuted at once.
struct ThreeGroups {
    std::uint8_t source[kVectorBytes];
};

constexpr int kGroupsPerPermute = 3;
constexpr int kPermuteBytes = kGroupsPerPermute * kColumnsPerVector;

constexpr ThreeGroups make_permutation() {
    ThreeGroups result{};
    for (int group = 0; group < kGroupsPerPermute; ++group) {
        for (int f = 0; f < kWeightsPerByte; ++f) {
            for (int j = 0; j < kBeatsPerVector; ++j) {
                const int start = group * kColumnsPerVector;
                result.source[start + f * kBeatsPerVector + j] =
                    static_cast<std::uint8_t>(start + j * kWeightsPerByte + f);
            }
        }
    }
    return result;
}

alignas(kVectorBytes) constexpr ThreeGroups kPermutation = make_permutation();

__mmask64 first_bytes(int count) {
    return count >= kVectorBytes ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
}

void load_codes(const std::int8_t* codes, int inputs, std::uint8_t* scratch) {
    const __m512i permutation = _mm512_load_si512(kPermutation.source);
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i sums = _mm512_setzero_si512();
    const int padded = column_groups(inputs) * kColumnsPerVector;
    for (int start = 0; start < padded; start += kPermuteBytes) {
        const int in = inputs - start, out = padded - start;
        const __mmask64 read = first_bytes(in < kPermuteBytes ? in : kPermuteBytes);
        const __mmask64 write = first_bytes(out < kPermuteBytes ? out : kPermuteBytes);
        const __m512i group = _mm512_maskz_loadu_epi8(read, codes + start);
        sums = _mm512_dpbusd_epi32(sums, ones, group);
        _mm512_mask_storeu_epi8(scratch + kVectorBytes + start, write,
                                _mm512_permutexvar_epi8(permutation, group));
    }
    const std::int32_t sum = _mm512_reduce_add_epi32(sums);
    std::memcpy(scratch, &sum, sizeof sum);
}

/// Decoder registers.
struct Decoder {
    __m512i fields_low, fields_high, fifth_low, fifth_high;
};

/// Accumulators of 16 rows: field f is scaled by 4**f, the fifth by 1.
struct Sums {
    __m512i at[kWeightsPerByte];
};

__attribute__((always_inline)) inline void accumulate(Sums& sums, __m512i bytes,
                                                      const Decoder& decoder,
                                                      const __m512i codes[kWeightsPerByte]) {
    const __mmask64 negative = _mm512_movepi8_mask(bytes);
    __m512i fields = _mm512_permutex2var_epi8(decoder.fields_low, bytes, decoder.fields_high);
    __m512i fifth = _mm512_permutex2var_epi8(decoder.fifth_low, bytes, decoder.fifth_high);
    // weight + 1 -> 1 - weight, in all four fields at once: no field borrows from the next.
    fields =
        _mm512_mask_sub_epi8(fields, negative, _mm512_set1_epi8(static_cast<char>(0xAA)), fields);
    fifth = _mm512_mask_sub_epi8(fifth, negative, _mm512_set1_epi8(2), fifth);
    for (int f = 0; f < 4; ++f) {
        const __m512i mask = _mm512_set1_epi8(static_cast<char>(3 << (2 * f)));
        sums.at[f] = _mm512_dpbusd_epi32(sums.at[f], _mm512_and_si512(fields, mask), codes[f]);
    }
    sums.at[4] = _mm512_dpbusd_epi32(sums.at[4], fifth, codes[4]);
}

/// Sum over the fields, without the surplus.
__attribute__((always_inline)) inline __m512i total(const Sums& sums, __m512i surplus) {
    const __m512i low = _mm512_add_epi32(sums.at[0], _mm512_srai_epi32(sums.at[1], 2));
    const __m512i high =
        _mm512_add_epi32(_mm512_srai_epi32(sums.at[2], 4), _mm512_srai_epi32(sums.at[3], 6));
    return _mm512_sub_epi32(_mm512_add_epi32(_mm512_add_epi32(low, high), sums.at[4]), surplus);
}

constexpr std::uintptr_t kPrefetchAhead = 2048;

/// As a number, because the address may lie behind the end of the weights.
void prefetch(const std::uint8_t* bytes, std::uintptr_t ahead) {
    _mm_prefetch(reinterpret_cast<const char*>(reinterpret_cast<std::uintptr_t>(bytes) + ahead),
                 _MM_HINT_T0);
}

void dot_lane(const MatrixLayout& layout, const std::uint8_t* weights, int matrix, int first_block,
              int last_block, std::uint8_t* scratch, std::int32_t* result) {
    const Decoder decoder = {
        _mm512_load_si512(kTables.fields), _mm512_load_si512(kTables.fields + kVectorBytes),
        _mm512_load_si512(kTables.fifth), _mm512_load_si512(kTables.fifth + kVectorBytes)};
    std::int32_t sum = 0;
    std::memcpy(&sum, scratch, sizeof sum);
    const __m512i surplus = _mm512_set1_epi32(sum);
    const int groups = column_groups(layout.inputs);
    for (int block = first_block; block < last_block; ++block) {
        const std::uint8_t* bytes =
            weights +
            static_cast<std::size_t>(matrix * row_blocks(layout) + block) * block_bytes(layout);
        const std::uint8_t* dwords = scratch + kVectorBytes;
        Sums low{}, high{};
        for (int f = 0; f < kWeightsPerByte; ++f) {
            low.at[f] = high.at[f] = _mm512_setzero_si512();
        }
        for (int group = 0; group < groups; ++group) {
            prefetch(bytes, kPrefetchAhead);
            prefetch(bytes, kPrefetchAhead + kVectorBytes);
            __m512i codes[kWeightsPerByte];
            for (int f = 0; f < kWeightsPerByte; ++f) {
                std::int32_t four;
                std::memcpy(&four, dwords + f * kBeatsPerVector, sizeof four);
                codes[f] = _mm512_set1_epi32(four);
            }
            accumulate(low, _mm512_loadu_si512(bytes), decoder, codes);
            accumulate(high, _mm512_loadu_si512(bytes + kVectorBytes), decoder, codes);
            bytes += kVectorsPerBlock * kVectorBytes;
            dwords += kColumnsPerVector;
        }
        std::int32_t* rows = result + block * kRowBlock;
        _mm512_storeu_si512(rows, total(low, surplus));
        _mm512_storeu_si512(rows + kRowsPerVector, total(high, surplus));
    }
}

void dot(const MatrixLayout& layout, const std::uint8_t* weights, int matrix, int first_block,
         int last_block, const DotLane* lanes, int lane_count) {
    for (int lane = 0; lane < lane_count; ++lane) {
        dot_lane(layout, weights, matrix, first_block, last_block, lanes[lane].scratch,
                 lanes[lane].result);
    }
}

}  // namespace

const Backend kAvx512VnniBackend = {"avx512_vnni",
                                    is_supported,
                                    {repacked_bytes, repack, scratch_bytes, load_codes, dot},
                                    kElementwiseLoops};

}  // namespace tritforge
