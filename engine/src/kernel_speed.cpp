// SPDX-License-Identifier: Apache-2.0
#include "tritforge/kernel_speed.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <stdexcept>

#include "tritforge/aligned_buffer.hpp"
#include "tritforge/ternary_code.hpp"
#include "tritforge/thread_pool.hpp"

namespace tritforge {
namespace {

/// One operation: where its weights are, and the vectors of one lane.
struct Product {
    MatrixLayout layout;
    std::size_t offset;
    std::vector<AlignedBuffer<std::uint8_t>> scratch;  ///< by thread
    std::vector<AlignedBuffer<std::int32_t>> sums;     ///< by matrix
};

class Measurement {
  public:
    Measurement(const Backend& backend, const std::vector<MatrixLayout>& layouts, int threads)
        : kernel_(backend.kernel), pool_(threads), read_(static_cast<std::size_t>(threads)) {
        std::size_t longest = 0;
        for (const MatrixLayout& layout : layouts) {
            const std::size_t copy = kernel_.repacked_bytes(layout);
            products_.push_back({layout, bytes_, {}, {}});
            bytes_ += copy > 0 ? copy : stream_bytes(layout);
            longest = std::max(longest, stream_bytes(layout));
        }
        weights_ = AlignedBuffer<std::uint8_t>(bytes_ + kReadAhead);
        const std::vector<std::uint8_t> stream = random_stream(longest);
        for (Product& product : products_) fill(product, stream.data());
    }

    std::size_t bytes() const { return bytes_; }

    double dot_seconds() { return seconds(&Measurement::dot); }
    double read_seconds() { return seconds(&Measurement::read); }

  private:
    using Work = void (Measurement::*)(int thread);

    static std::vector<std::uint8_t> random_stream(std::size_t bytes) {
        std::vector<std::uint8_t> valid;
        for (std::size_t byte = 0; byte < kDecodeTable.size(); ++byte) {
            if (kDecodeTable[byte].valid) valid.push_back(static_cast<std::uint8_t>(byte));
        }
        std::minstd_rand random(1);
        std::vector<std::uint8_t> stream(bytes);
        for (std::uint8_t& byte : stream) byte = valid[random() % valid.size()];
        return stream;
    }

    void fill(Product& product, const std::uint8_t* stream) {
        const MatrixLayout& layout = product.layout;
        std::uint8_t* target = weights_.get() + product.offset;
        if (kernel_.repacked_bytes(layout) > 0) {
            kernel_.repack(layout, stream, target);
        } else {
            std::copy_n(stream, stream_bytes(layout), target);
        }
        std::vector<std::int8_t> codes(static_cast<std::size_t>(layout.inputs));
        for (std::size_t i = 0; i < codes.size(); ++i) {
            codes[i] = static_cast<std::int8_t>(static_cast<int>(i * 37 % 255) - 127);
        }
        for (int thread = 0; thread < pool_.size(); ++thread) {
            product.scratch.emplace_back(kernel_.scratch_bytes(layout.inputs, 1));
            kernel_.load_codes(codes.data(), layout.inputs, 0, 1, product.scratch.back().get());
        }
        for (int matrix = 0; matrix < layout.matrices; ++matrix) {
            product.sums.emplace_back(padded_rows(layout.rows));
        }
    }

    double seconds(Work work) {
        work_ = work;
        const auto start = std::chrono::steady_clock::now();
        pool_.run(
            [](void* self, int thread) noexcept {
                auto* measurement = static_cast<Measurement*>(self);
                (measurement->*measurement->work_)(thread);
            },
            this);
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }

    void dot(int thread) {
        for (Product& product : products_) {
            const int blocks = row_blocks(product.layout);
            const int first = blocks * thread / pool_.size();
            const int last = blocks * (thread + 1) / pool_.size();
            for (int matrix = 0; matrix < product.layout.matrices; ++matrix) {
                std::int32_t* sums = product.sums[static_cast<std::size_t>(matrix)].get();
                kernel_.dot(product.layout, weights_.get() + product.offset, matrix, first, last,
                            product.scratch[static_cast<std::size_t>(thread)].get(), 1, &sums);
            }
            pool_.meet();
        }
    }

    void read(int thread) {
        constexpr std::size_t kSums = 32;  // enough independent chains for any vector width
        const std::size_t words = bytes_ / sizeof(std::uint64_t);
        const auto parties = static_cast<std::size_t>(pool_.size());
        const auto part = static_cast<std::size_t>(thread);
        const auto* data = reinterpret_cast<const std::uint64_t*>(weights_.get());
        std::uint64_t sums[kSums] = {};
        const std::size_t last = words * (part + 1) / parties;
        for (std::size_t i = words * part / parties; i + kSums <= last; i += kSums) {
            for (std::size_t j = 0; j < kSums; ++j) sums[j] += data[i + j];
        }
        // Kept, so that the compiler cannot leave the reading out.
        for (const std::uint64_t sum : sums) read_[part] += sum;
    }

    const TernaryKernel& kernel_;
    ThreadPool pool_;
    std::vector<std::uint64_t> read_;  ///< by thread
    std::vector<Product> products_;
    std::size_t bytes_ = 0;
    AlignedBuffer<std::uint8_t> weights_;
    Work work_ = nullptr;
};

}  // namespace

KernelSpeed measure_kernel(const Backend& backend, const std::vector<MatrixLayout>& layouts,
                           int threads, int passes) {
    if (layouts.empty()) throw std::invalid_argument("layouts is empty: give at least one");
    Measurement measurement(backend, layouts, threads);
    KernelSpeed result{measurement.bytes(), {}, {}};
    for (int pass = 0; pass < passes; ++pass) {
        result.read_seconds.push_back(measurement.read_seconds());
        result.dot_seconds.push_back(measurement.dot_seconds());
    }
    return result;
}

}  // namespace tritforge
