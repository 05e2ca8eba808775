// SPDX-License-Identifier: Apache-2.0
#include "language_model/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "language_model/kernels/kernel_set.hpp"

namespace tritforge::engine::language_model {
namespace {

constexpr double kLog2E = 1.4426950408889634;
/// Keeps the product with any distance finite.
constexpr double kLargestSteepness = 0x1p60;

void check(bool good, const std::string& message) {
    if (!good) throw std::invalid_argument(message);
}

/// Total order of the candidates: likelier first, then smaller id.
struct Likelier {
    const std::int32_t* logits;
    bool operator()(std::int32_t one, std::int32_t other) const {
        return logits[one] != logits[other] ? logits[one] > logits[other] : one < other;
    }
};

}  // namespace

Sampler::Sampler(const Sampling& sampling, std::uint64_t seed, std::int64_t banned_token)
    : sampling_(sampling), banned_token_(banned_token), random_state_(seed) {
    check(sampling.temperature >= 0 && std::isfinite(sampling.temperature),
          "temperature is " + std::to_string(sampling.temperature) +
              ", give a number from 0 (greedy)");
    check(sampling.top_k >= 0,
          "top_k is " + std::to_string(sampling.top_k) + ", give an integer from 0 (no limit)");
    check(sampling.top_p > 0 && sampling.top_p <= 1,
          "top_p is " + std::to_string(sampling.top_p) + ", give a number above 0, at most 1");
}

/// SplitMix64 (Steele, Lea, Flood 2014): a counter through a mixing function.
double Sampler::uniform() {
    random_state_ += 0x9E3779B97F4A7C15u;
    std::uint64_t mixed = random_state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    mixed ^= mixed >> 31;
    return static_cast<double>(mixed >> 11) * 0x1p-53;
}

std::int64_t Sampler::choose(const Context& context) {
    check(context.has_scores(), "no logits yet: run step or prefill first");
    const Engine& engine = context.engine();
    const int count = engine.shape().vocabulary;
    if (sampling_.temperature == 0) return greedy(context.accumulators(), count);
    logits_.resize(static_cast<std::size_t>(count));
    context.logits(logits_.data());
    return choose(engine.kernel_set(), logits_.data(), context.accumulators(), count,
                  engine.widths().logit_fraction);
}

std::int64_t Sampler::choose(const KernelSet& kernel_set, const std::int32_t* logits,
                             const std::int32_t* accumulators, int count, int logit_fraction) {
    if (sampling_.temperature == 0) return greedy(accumulators, count);
    const auto best = static_cast<std::size_t>(greedy(logits, count));
    const double steepness = std::min(kLog2E / sampling_.temperature, kLargestSteepness);
    weights_.resize(static_cast<std::size_t>(count));
    const double step = std::ldexp(steepness, -logit_fraction);
    double total =
        kernel_set.loops.token_weights(logits, count, logits[best], step, weights_.data());
    if (banned_token_ >= 0 && banned_token_ < count) {
        double& banned = weights_[static_cast<std::size_t>(banned_token_)];
        total -= banned;
        banned = 0;
    }
    if (sampling_.top_k > 0 && sampling_.top_k < count) {
        take_largest(logits, count);
        total = 0;
        for (const std::int32_t token : kept_) total += weights_[static_cast<std::size_t>(token)];
        if (sampling_.top_p < 1) take_nucleus(logits, total);
    } else if (sampling_.top_p < 1) {
        // The tokens left out have less than 1 - top_p together, so the nucleus is among the rest;
        // half of it, to be safe from rounding.
        take_likely(count, (1 - sampling_.top_p) * total / count / 2);
        take_nucleus(logits, total);
    } else {
        take_likely(count, 0);
    }
    std::sort(kept_.begin(), kept_.end());
    total = 0;
    for (const std::int32_t token : kept_) total += weights_[static_cast<std::size_t>(token)];
    double left = std::min(std::floor(uniform() * total), total - 1);
    for (const std::int32_t token : kept_) {
        left -= weights_[static_cast<std::size_t>(token)];
        if (left < 0) return token;
    }
    throw std::logic_error("the weights of the candidates do not add up");
}

std::int64_t Sampler::greedy(const std::int32_t* ranking, int count) const {
    std::int64_t best = -1;
    for (int token = 0; token < count; ++token) {
        if (token != banned_token_ && (best < 0 || ranking[token] > ranking[best])) best = token;
    }
    check(best >= 0, "no token is left to choose");
    return best;
}

/// Candidates: all tokens with more than `least` weight (never weight 0).
void Sampler::take_likely(int count, double least) {
    kept_.clear();
    for (int token = 0; token < count; ++token) {
        const double weight = weights_[static_cast<std::size_t>(token)];
        if (weight > 0 && weight >= least) kept_.push_back(token);
    }
}

/// Candidates: the top_k tokens. A buffer of twice as many is halved whenever it is full.
void Sampler::take_largest(const std::int32_t* logits, int count) {
    const auto wanted = static_cast<std::size_t>(sampling_.top_k);
    const Likelier likelier{logits};
    const auto halve = [&] {
        std::nth_element(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(wanted) - 1,
                         kept_.end(), likelier);
        kept_.resize(wanted);
    };
    kept_.clear();
    std::int64_t threshold = INT64_MIN;  // logit of the last of the best so far
    for (int token = 0; token < count; ++token) {
        if (logits[token] <= threshold || token == banned_token_) continue;
        kept_.push_back(token);
        if (kept_.size() == 2 * wanted) {
            halve();
            threshold = logits[kept_.back()];
        }
    }
    if (kept_.size() > wanted) halve();
}

/// Keep the smallest set of the likeliest candidates that has top_p of `total`: quickselect by
/// mass.
void Sampler::take_nucleus(const std::int32_t* logits, double total) {
    double needed = sampling_.top_p * total;
    auto first = kept_.begin(), last = kept_.end();
    const Likelier likelier{logits};
    while (last - first > 1) {
        const auto middle = first + (last - first) / 2;
        std::nth_element(first, middle, last, likelier);
        double mass = 0;
        for (auto token = first; token != middle; ++token) {
            mass += weights_[static_cast<std::size_t>(*token)];
        }
        if (mass >= needed) {
            last = middle;
        } else {
            needed -= mass;
            first = middle;
        }
    }
    kept_.erase(last, kept_.end());
}

}  // namespace tritforge::engine::language_model
