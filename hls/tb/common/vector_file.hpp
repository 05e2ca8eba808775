// SPDX-License-Identifier: Apache-2.0
//
// Golden vectors of a test bench: reads the text format that codegen/vector_file.py writes.
// Test code: runs on the host only, never becomes hardware.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace tritforge_tb {

/// A sequence of cases: `case NAME`, then lines `KEY N v1 ... vN`, read in file order. Whatever
/// differs from the expected order or count ends the program: the file is part of the test.
class VectorFile {
  public:
    explicit VectorFile(const std::string& path) : path_(path) {
        std::ifstream file(path);
        text_.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
        if (text_.empty()) {
            fail("cannot be read or is empty");
        }
    }

    /// Moves to the next case; false at the end of the file.
    bool next_case() {
        skip_space();
        if (position_ == text_.size()) {
            return false;
        }
        expect_word("case");
        name_ = word();
        return true;
    }

    const std::string& case_name() const { return name_; }

    /// Values of the next line, which must have this key and count.
    std::vector<long long> list(const std::string& key, std::size_t count) {
        const std::vector<long long> values = words(key);
        if (values.size() != count) {
            fail("wrong number of values for " + key + " of case " + name_);
        }
        return values;
    }

    /// Values of the next line, which must have this key, as many as there are.
    std::vector<long long> words(const std::string& key) {
        expect_word(key);
        std::vector<long long> values(static_cast<std::size_t>(number()));
        for (long long& value : values) {
            value = number();
        }
        return values;
    }

    long long scalar(const std::string& key) { return list(key, 1)[0]; }

    /// A count or size: at least 1, so that no case tests nothing.
    std::size_t count(const std::string& key) {
        const long long value = scalar(key);
        if (value < 1) {
            fail(key + " of case " + name_ + " must be at least 1");
        }
        return static_cast<std::size_t>(value);
    }

  private:
    void skip_space() {
        while (position_ < text_.size()) {
            if (text_[position_] == '#') {
                position_ = text_.find('\n', position_);
                position_ = position_ == std::string::npos ? text_.size() : position_;
            } else if (text_[position_] == ' ' || text_[position_] == '\n') {
                ++position_;
            } else {
                return;
            }
        }
    }

    std::string word() {
        skip_space();
        const std::size_t start = position_;
        position_ = text_.find_first_of(" \n", start);
        position_ = position_ == std::string::npos ? text_.size() : position_;
        return text_.substr(start, position_ - start);
    }

    void expect_word(const std::string& expected) {
        const std::string found = word();
        if (found != expected) {
            fail("expected " + expected + ", found '" + found + "'");
        }
    }

    long long number() {
        skip_space();
        const char* start = text_.c_str() + position_;
        char* end = nullptr;
        const long long value = std::strtoll(start, &end, 10);
        if (end == start) {
            fail("expected a number at byte " + std::to_string(position_));
        }
        position_ += static_cast<std::size_t>(end - start);
        return value;
    }

    [[noreturn]] void fail(const std::string& message) const {
        std::fprintf(stderr, "%s: %s\n", path_.c_str(), message.c_str());
        std::exit(2);
    }

    std::string path_;
    std::string text_;
    std::string name_;
    std::size_t position_ = 0;
};

}  // namespace tritforge_tb
