// SPDX-License-Identifier: Apache-2.0
// Choosing the next token: greedy, or sampled with temperature, top-k and top-p.
//
// pynq_driver/language_model/sampler.py is the definition, with a full sort; the same seed and
// scores give the same tokens here, without sorting more than a few candidates. Weights are
// integers held in doubles, so their sums are exact in any order.
#pragma once

#include <cstdint>
#include <vector>

#include "language_model/context.hpp"

namespace tritforge::engine::language_model {

struct Sampling {
    double temperature;  ///< 0: greedy
    int top_k;           ///< 0: all
    double top_p;        ///< above 0, at most 1
};

class Sampler {
  public:
    /// banned_token: never chosen; -1 for none.
    /// Throws std::invalid_argument: a value is out of range.
    Sampler(const Sampling& sampling, std::uint64_t seed, std::int64_t banned_token);

    /// Token for the scores of a context.
    /// Throws std::invalid_argument: the context has no scores, or no token may be chosen.
    std::int64_t choose(const Context& context);

    /// Token for `count` logits with that many fraction bits, and accumulators that rank them.
    /// Throws std::invalid_argument: no token may be chosen.
    std::int64_t choose(const KernelSet& kernel_set, const std::int32_t* logits,
                        const std::int32_t* accumulators, int count, int logit_fraction);

  private:
    double uniform();
    std::int64_t greedy(const std::int32_t* ranking, int count) const;
    void take_largest(const std::int32_t* logits, int count);
    void take_nucleus(const std::int32_t* logits, double total);
    void take_likely(int count, double least);

    const Sampling sampling_;
    const std::int64_t banned_token_;
    std::uint64_t random_state_;
    std::vector<std::int32_t> logits_;
    std::vector<double> weights_;     ///< one per token
    std::vector<std::int32_t> kept_;  ///< candidates, in any order
};

}  // namespace tritforge::engine::language_model
