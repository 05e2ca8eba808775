// SPDX-License-Identifier: Apache-2.0
//
// Registers of a machine in C-simulation: the behaviour of the generated register file, field by
// field, without its clock (codegen/templates/register_file.sv.j2). The generated translation unit
// says in kRegisterFields what the fields are.
#pragma once

#include <cstdint>

/// As tritforge/register_map.py names them.
enum class Access { kConstant, kReadOnly, kReadWrite, kWriteOneToClear, kPulse, kCounter };

struct RegisterField {
    std::uint32_t offset;
    int low;
    int bits;
    Access access;
    std::uint32_t reset;

    std::uint32_t ones() const { return bits == 32 ? ~0u : (1u << bits) - 1; }
};

template <int FIELDS>
class RegisterModel {
  public:
    static constexpr std::uint64_t kOkay = 0;
    static constexpr std::uint64_t kSlaveError = 2;
    static constexpr std::uint64_t kAddressMask = 0xffc;

    explicit RegisterModel(const RegisterField (&fields)[FIELDS]) : fields_(fields) {
        for (int i = 0; i < FIELDS; ++i) values_[i] = fields_[i].reset;
    }

    std::uint32_t value(int field) const { return values_[field]; }
    /// What the hardware says: the value of a kReadOnly field, or bits that it sets.
    void drive(int field, std::uint32_t value) { values_[field] = value & fields_[field].ones(); }
    void set_bits(int field, std::uint32_t bits) { drive(field, values_[field] | bits); }
    /// Whether a kPulse field was written as 1 since this was asked.
    bool take_pulse(int field) {
        const bool was = values_[field] != 0;
        values_[field] = 0;
        return was;
    }

    std::uint64_t read(std::uint64_t offset, std::uint64_t& response) const {
        std::uint64_t word = 0;
        response = kSlaveError;
        for (int i = 0; i < FIELDS; ++i) {
            if (fields_[i].offset != (offset & kAddressMask)) continue;
            response = kOkay;
            if (fields_[i].access != Access::kPulse)
                word |= std::uint64_t(values_[i]) << fields_[i].low;
        }
        return word;
    }

    std::uint64_t write(std::uint64_t offset, std::uint64_t word) {
        std::uint64_t response = kSlaveError;
        for (int i = 0; i < FIELDS; ++i) {
            if (fields_[i].offset != (offset & kAddressMask)) continue;
            response = kOkay;
            const std::uint32_t given = std::uint32_t(word >> fields_[i].low) & fields_[i].ones();
            switch (fields_[i].access) {
                case Access::kReadWrite:
                case Access::kPulse:
                    values_[i] = given;
                    break;
                case Access::kWriteOneToClear:
                    values_[i] &= ~given;
                    break;
                default:
                    break;
            }
        }
        return response;
    }

  private:
    const RegisterField (&fields_)[FIELDS];
    std::uint32_t values_[FIELDS];
};
