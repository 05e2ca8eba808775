// SPDX-License-Identifier: Apache-2.0
#include "language_model/widths.hpp"

#include <stdexcept>

#include "common/checked_fields.hpp"

namespace tritforge::engine::language_model {

Widths checked_widths(const std::map<std::string, long long>& values) {
    const Widths widths = checked_fields<Widths>("widths", kWidthFields, values);
    // SiLU(x) must fit the state, see Widths.__post_init__ in tritforge/language_model/config.py.
    if (widths.activation - widths.activation_fraction <
        widths.preactivation - widths.preactivation_fraction) {
        throw std::invalid_argument(
            "widths: activation keeps fewer integer bits than preactivation; raise activation or "
            "lower activation_fraction");
    }
    const int argument = widths.sigmoid_argument_fraction;
    if (widths.preactivation_fraction < argument || widths.activation_fraction < argument) {
        throw std::invalid_argument(
            "widths: preactivation_fraction and activation_fraction must be at least "
            "sigmoid_argument_fraction (" +
            std::to_string(argument) + ")");
    }
    return widths;
}

}  // namespace tritforge::engine::language_model
