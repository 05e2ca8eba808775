// SPDX-License-Identifier: Apache-2.0
#include "language_model/widths.hpp"

#include <stdexcept>

#include "common/checked_fields.hpp"

namespace tritforge::engine::language_model {

Widths checked_widths(const std::map<std::string, long long>& values) {
    const Widths widths = checked_fields<Widths>("widths", kWidthFields, values);
    // The sigmoid must reach 1, see Widths.__post_init__ in tritforge/language_model/config.py.
    const int needed = widths.sigmoid_argument_fraction + kSigmoidArgumentIntegerBits + 1;
    if (widths.preactivation < needed || widths.activation < needed) {
        throw std::invalid_argument("widths: preactivation and activation must have at least " +
                                    std::to_string(needed) +
                                    " bits beside sigmoid_argument_fraction = " +
                                    std::to_string(widths.sigmoid_argument_fraction));
    }
    return widths;
}

}  // namespace tritforge::engine::language_model
