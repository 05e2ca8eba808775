// SPDX-License-Identifier: Apache-2.0
// Fill a struct of integers from untrusted name -> value pairs, given a table of names and ranges.
#pragma once

#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>

namespace tritforge::engine {

/// Throws std::invalid_argument unless `value` lies in [minimum, maximum].
inline void check_range(const std::string& what, long long value, long long minimum,
                        long long maximum) {
    if (value < minimum || value > maximum) {
        throw std::invalid_argument(what + " is " + std::to_string(value) + ", allowed are " +
                                    std::to_string(minimum) + " to " + std::to_string(maximum));
    }
}

/// Struct with exactly the members of `fields` set, each checked against its range.
template <typename Struct, typename Field, std::size_t kCount>
Struct checked_fields(const char* what, const Field (&fields)[kCount],
                      const std::map<std::string, long long>& values) {
    Struct result{};
    for (const Field& field : fields) {
        const auto found = values.find(field.name);
        if (found == values.end()) {
            throw std::invalid_argument(std::string(what) + ": " + field.name + " is missing");
        }
        check_range(std::string(what) + ": " + field.name, found->second, field.minimum,
                    field.maximum);
        result.*field.member = static_cast<int>(found->second);
    }
    // Every known name was found, so any surplus entry is an unknown one.
    for (const auto& entry : values) {
        bool known = false;
        for (const Field& field : fields) known = known || entry.first == field.name;
        if (!known) throw std::invalid_argument(std::string(what) + ": unknown " + entry.first);
    }
    return result;
}

}  // namespace tritforge::engine
