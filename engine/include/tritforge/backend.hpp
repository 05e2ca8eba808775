// SPDX-License-Identifier: Apache-2.0
// A backend: the ternary kernel and the element-wise loops compiled for one instruction set.
//
// Plain function pointers instead of virtual functions: a file compiled for AVX-512 must not emit
// inline functions (such as destructors) that the linker could pick for every CPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tritforge/matrix_layout.hpp"
#include "tritforge/sigmoid.hpp"

namespace tritforge {

/// Multiplier and shift of a dequantisation, and the symmetric limit of its destination.
struct Scaling {
    std::int64_t multiplier;
    int shift;
    std::int64_t limit;
};

/// Sum of squares of one slice and how many elements saturated.
struct SquareSum {
    std::uint64_t sum;
    std::int64_t clamped;
};

/// Largest magnitude of one slice and how many elements saturated.
struct AbsoluteMaximum {
    std::int32_t maximum;
    std::int64_t clamped;
};

/// Constants of SiLU and of the product that follows it.
struct GatedProduct {
    int argument_shift;               ///< input fraction bits beyond the sigmoid argument's
    int silu_shift;                   ///< bits dropped from x * sigma(x)
    std::int64_t silu_limit;          ///< limit of the SiLU output
    std::int64_t multiplicand_limit;  ///< limit of the raw accumulator
    int product_shift;                ///< bits dropped from the product
    std::int64_t product_limit;       ///< limit of the operand
};

/// Saturations of one call of gated_product.
struct GatedProductClamped {
    std::int64_t silu, multiplicand, product;
};

/// Constants of the recurrence.
struct Recurrence {
    int argument_shift;    ///< pre-activation fraction bits beyond the sigmoid argument's
    int silu_shift;        ///< bits dropped from i * sigma(i)
    std::int64_t limit;    ///< limit of SiLU output and state
    int lower_bound_bits;  ///< fraction bits of the lower bound
};

/// Saturations of one call of update_state.
struct RecurrenceClamped {
    std::int64_t silu, state;
};

/// Element-wise loops over one slice of a vector; each returns how many elements it clamped.
struct ElementwiseLoops {
    /// t = x >> shift, rounded, clamped.
    std::int64_t (*operand)(const std::int32_t* residual, int count, int shift, std::int64_t limit,
                            std::int32_t* result);
    /// Sum of u * u with u = t * gain >> shift; gain may be null (1).
    SquareSum (*square_sum)(const std::int32_t* operand, const std::int16_t* gain, int count,
                            int shift, std::int64_t limit);
    /// v = t * gain >> shift and its largest magnitude.
    AbsoluteMaximum (*scale_values)(const std::int32_t* operand, const std::int16_t* gain,
                                    int count, int shift, std::int64_t limit, std::int32_t* values);
    /// Codes v * mantissa >> exponent in +-127.
    void (*encode)(const std::int32_t* values, int count, std::int64_t mantissa, int exponent,
                   std::int8_t* codes);
    /// accumulator * multiplier >> shift, clamped.
    std::int64_t (*dequantise)(const std::int32_t* accumulators, int count, const Scaling& scaling,
                               std::int32_t* result);
    /// residual += accumulator * multiplier >> shift, clamped.
    std::int64_t (*add_scaled)(const std::int32_t* accumulators, int count, const Scaling& scaling,
                               std::int32_t* residual);
    /// h = s + f * (h - s), s = SiLU(candidate), 1 - f = (1 - lower bound) * sigma(-forget).
    RecurrenceClamped (*update_state)(std::int32_t* state, const std::int32_t* forget,
                                      const std::int32_t* candidate,
                                      const std::uint16_t* lower_bound, int count,
                                      const Recurrence& constants, const SigmoidUnit& unit);
    /// result = multiplicand * SiLU(gate) >> shift.
    GatedProductClamped (*gated_product)(const std::int32_t* multiplicand, const std::int32_t* gate,
                                         int count, const GatedProduct& constants,
                                         const SigmoidUnit& unit, std::int32_t* result);
    /// Sampling weights floor(2**34 * 2**-((best - logit) * step)) by token; returns their sum.
    double (*token_weights)(const std::int32_t* logits, int count, std::int32_t best, double step,
                            double* weights);
};

/// Tokens that may go through an operation together.
constexpr int kMaximumLanes = 16;

/// Readable bytes behind a repacked copy: kernels load one group ahead.
constexpr std::size_t kReadAhead = 256;

/// Dot products of int8 codes with packed ternary rows, for one or more lanes (vectors of codes).
struct TernaryKernel {
    /// Bytes of the repacked copy of an operation's weights; 0: the kernel reads the stream.
    std::size_t (*repacked_bytes)(const MatrixLayout& layout);
    /// Fill the part of a zeroed repacked copy that belongs to the row tiles [first, last), all
    /// matrices; `stream` starts with the first of them. Invalid bytes become zero weights. Tiles
    /// may come in any order, and from several threads.
    void (*repack)(const MatrixLayout& layout, int first_tile, int last_tile,
                   const std::uint8_t* stream, std::uint8_t* repacked);
    /// Bytes of scratch for that many lanes of `inputs` codes (64-byte aligned). No fewer for more:
    /// scratch of the largest operation serves all. It belongs to one thread.
    std::size_t (*scratch_bytes)(int inputs, int lanes);
    /// Bring codes in +-127 of one of `lanes` lanes into the form `dot` reads.
    void (*load_codes)(const std::int8_t* codes, int inputs, int lane, int lanes,
                       std::uint8_t* scratch);
    /// Accumulators of the rows [first_block, last_block) * kRowBlock of one matrix, for 1 to
    /// kMaximumLanes lanes that load_codes has filled; `dot` may work in scratch beside the codes.
    /// `weights` is the repacked copy or the stream; each result (of row 0) has room up to a whole
    /// block.
    void (*dot)(const MatrixLayout& layout, const std::uint8_t* weights, int matrix,
                int first_block, int last_block, std::uint8_t* scratch, int lanes,
                std::int32_t* const* results);
};

struct Backend {
    const char* name;
    bool (*is_supported)();  ///< by the CPU at hand
    TernaryKernel kernel;
    ElementwiseLoops loops;
};

/// Backends that this CPU runs, slowest first; "portable" is always there.
std::vector<const Backend*> available_backends();

/// Backend of that name, or the fastest one for "auto".
/// Throws std::invalid_argument: unknown or not supported by this CPU.
const Backend& find_backend(const char* name);

extern const Backend kPortableBackend;
#if defined(TRITFORGE_ARM)
extern const Backend kNeonBackend;
#endif
#if defined(TRITFORGE_ARM64)
extern const Backend kNeonDotprodBackend;
#endif
#if defined(TRITFORGE_X86)
extern const Backend kAvx2Backend, kAvxVnniBackend, kAvx512VlVnniBackend, kAvx512VnniBackend;
#endif
#if defined(TRITFORGE_AMX)
extern const Backend kAmxInt8Backend;
#endif

}  // namespace tritforge
