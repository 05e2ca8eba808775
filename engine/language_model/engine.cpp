// SPDX-License-Identifier: Apache-2.0
#include "language_model/engine.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

#include "common/fixed_point.hpp"
#include "language_model/ternary_code.hpp"

namespace tritforge::engine::language_model {
namespace {

void check_size(const char* what, std::size_t bytes, std::size_t expected) {
    if (bytes != expected) {
        throw std::invalid_argument(std::string(what) + " has " + std::to_string(bytes) +
                                    " bytes, the shape needs " + std::to_string(expected));
    }
}

int checked_rows_per_beat(int rows_per_beat) {
    const auto* end = std::end(kRowsPerBeatChoices);
    if (std::find(std::begin(kRowsPerBeatChoices), end, rows_per_beat) == end) {
        throw std::invalid_argument("rows_per_beat is " + std::to_string(rows_per_beat) +
                                    ", choose 8, 16 or 32");
    }
    return rows_per_beat;
}

/// Every dot product is exact: see Widths.largest_exact_inputs in
/// tritforge/language_model/config.py.
void check_rows_fit(const ModelShape& shape, const Widths& widths) {
    const int longest = std::max(shape.dim, shape.glu_width);
    const std::int64_t exact = symmetric_limit(widths.accumulator) / kCodeLimit;
    if (longest > exact) {
        throw std::invalid_argument("rows of " + std::to_string(longest) +
                                    " weights overflow the " + std::to_string(widths.accumulator) +
                                    "-bit accumulator: at most " + std::to_string(exact) +
                                    " are exact");
    }
}

Program read_program(const ByteSource& parameters, const ModelShape& shape, const ModelPart& part,
                     const Widths& widths) {
    std::vector<std::uint8_t> buffer;
    check_size("parameter stream", parameters.bytes(), program_bytes(shape, part));
    buffer.resize(parameters.bytes());
    return parse_program(parameters.read(0, buffer.size(), buffer.data()), buffer.size(), shape,
                         part, widths);
}

/// Room for the vectors of an operation, each in cache lines of its own.
std::size_t vector_bytes(const Operation& item) {
    const std::size_t vectors = item.outputs.size() + (item.norm_gain == nullptr ? 0 : 1) +
                                (item.lower_bound == nullptr ? 0 : 1);
    return vectors * whole_lines(sizeof(std::int16_t) * static_cast<std::size_t>(item.inputs));
}

/// First byte that is not a code, or `count`.
std::size_t first_invalid(const std::uint8_t* bytes, std::size_t count) {
    // Invalid: at least three of the four 2-bit fields are 3. One pass without branches, to
    // vectorise.
    std::uint8_t invalid = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t byte = bytes[i];
        const auto escapes = static_cast<std::uint8_t>(byte & (byte >> 1) & 0x55);
        const auto pairs = static_cast<std::uint8_t>((escapes & 0x11) + (escapes >> 2 & 0x11));
        const auto found = static_cast<std::uint8_t>((pairs + (pairs >> 4)) & 7);
        invalid = static_cast<std::uint8_t>(invalid | (found + 1) >> 2);
    }
    if (invalid == 0) return count;
    std::size_t at = 0;
    while (kDecodeTable[bytes[at]].valid) ++at;
    return at;
}

/// Bytes read and repacked at once: they stay in the second-level cache.
constexpr std::size_t kPortionBytes = std::size_t{256} << 10;

}  // namespace

struct Engine::Portion {
    std::size_t operation;
    int first_tile, last_tile;
};

Engine::Engine(ByteSource weights, const ByteSource& parameters, Embedding embedding,
               const ModelShape& shape, const ModelPart& part, int rows_per_beat,
               const Widths& widths, const std::vector<std::int64_t>& sigmoid_table,
               const KernelSet& kernel_set, int threads)
    : shape_(shape),
      part_(part),
      rows_per_beat_(checked_rows_per_beat(rows_per_beat)),
      widths_(widths),
      kernel_set_(kernel_set),
      sigmoid_(make_sigmoid_unit(sigmoid_table, widths)),
      stream_(std::move(weights)),
      embedding_(std::move(embedding)) {
    const Program program = read_program(parameters, shape, part, widths);
    program_ = program.operations;
    check_rows_fit(shape, widths);
    std::size_t expected = 0;
    positions_.assign(program_.size(), 0);
    for (std::size_t i = 1; i < program_.size(); ++i) {
        positions_[i] = expected;
        expected += stream_bytes(layout(i));
    }
    check_size("weight stream", stream_.bytes(), expected);
    place_vectors();  // its vectors still belong to `program`
    place_weights(threads);
}

MatrixLayout Engine::layout(std::size_t operation) const {
    const Operation& item = program_[operation];
    return {item.rows, item.inputs, item.matrices, rows_per_beat_};
}

std::vector<Engine::Portion> Engine::portions() const {
    std::vector<Portion> result;
    for (std::size_t i = 1; i < program_.size(); ++i) {
        const int tiles = row_tiles(layout(i));
        const auto step =
            static_cast<int>(std::max<std::size_t>(1, kPortionBytes / tile_bytes(layout(i))));
        for (int tile = 0; tile < tiles; tile += step) {
            result.push_back({i, tile, std::min(tiles, tile + step)});
        }
    }
    return result;
}

std::size_t Engine::place(const Portion& portion, std::uint8_t* buffer) {
    const MatrixLayout item = layout(portion.operation);
    const std::size_t first = positions_[portion.operation] +
                              tile_bytes(item) * static_cast<std::size_t>(portion.first_tile);
    const std::size_t count =
        tile_bytes(item) * static_cast<std::size_t>(portion.last_tile - portion.first_tile);
    const std::uint8_t* bytes = stream_.read(first, count, buffer);
    const std::size_t invalid = first_invalid(bytes, count);
    if (invalid != count) return first + invalid;
    if (repacked_[portion.operation] != nullptr) {
        kernel_set_.kernel.repack(item, portion.first_tile, portion.last_tile, bytes,
                                  repacked_[portion.operation]);
    }
    return stream_.bytes();
}

void Engine::place_vectors() {
    std::size_t bytes = kReadAhead;
    for (std::size_t i = 1; i < program_.size(); ++i) {
        bytes +=
            vector_bytes(program_[i]) + whole_lines(kernel_set_.kernel.repacked_bytes(layout(i)));
    }
    token_stream_ = AlignedBuffer<std::uint8_t>(bytes);
    repacked_.assign(program_.size(), nullptr);
    weights_.assign(program_.size(), nullptr);
    std::uint8_t* target = token_stream_.get();
    const auto move = [&target](auto*& values, int count) {
        if (values == nullptr) return;
        const std::size_t size = sizeof *values * static_cast<std::size_t>(count);
        std::memcpy(target, values, size);
        values = reinterpret_cast<std::remove_reference_t<decltype(values)>>(target);
        target += whole_lines(size);
    };
    const std::uint8_t* in_place = nullptr;
    for (std::size_t i = 1; i < program_.size(); ++i) {
        Operation& item = program_[i];
        move(item.norm_gain, item.inputs);
        for (ScaledOutput& output : item.outputs) move(output.gain, item.inputs);
        move(item.lower_bound, item.inputs);
        const std::size_t repacked = kernel_set_.kernel.repacked_bytes(layout(i));
        if (repacked > 0) {
            weights_[i] = repacked_[i] = target;
            target += whole_lines(repacked);
        } else {
            if (in_place == nullptr) in_place = stream_.all();
            weights_[i] = in_place + positions_[i];
        }
    }
}

void Engine::place_weights(int threads) {
    const std::vector<Portion> all = portions();
    std::size_t buffer_bytes = 0;
    for (const Portion& portion : all) {
        buffer_bytes = std::max(
            buffer_bytes, tile_bytes(layout(portion.operation)) *
                              static_cast<std::size_t>(portion.last_tile - portion.first_tile));
    }
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::size_t invalid = stream_.bytes();
    std::exception_ptr error;
    const auto work = [&]() noexcept {
        try {
            AlignedBuffer<std::uint8_t> buffer(buffer_bytes);
            for (std::size_t index = next++; index < all.size(); index = next++) {
                const std::size_t found = place(all[index], buffer.get());
                const std::lock_guard<std::mutex> lock(mutex);
                invalid = std::min(invalid, found);
            }
        } catch (...) {
            const std::lock_guard<std::mutex> lock(mutex);
            error = std::current_exception();
        }
    };
    std::vector<std::thread> helpers;
    // Without a thread, this one does the work alone.
    try {
        for (int helper = 1; helper < threads; ++helper) helpers.emplace_back(work);
    } catch (const std::system_error&) {
    }
    work();
    for (std::thread& helper : helpers) helper.join();
    if (error) std::rethrow_exception(error);
    if (invalid != stream_.bytes()) {
        std::uint8_t byte = 0;
        byte = *stream_.read(invalid, 1, &byte);
        throw std::invalid_argument("weight stream: byte " + std::to_string(invalid) + " is " +
                                    std::to_string(byte) + ", not a code of five ternary weights");
    }
}

std::size_t Engine::weight_bytes() const {
    std::size_t total = 0;
    for (std::size_t i = 1; i < program_.size(); ++i) {
        const std::size_t repacked = kernel_set_.kernel.repacked_bytes(layout(i));
        total += repacked > 0 ? repacked : stream_bytes(layout(i));
    }
    return total;
}

}  // namespace tritforge::engine::language_model
