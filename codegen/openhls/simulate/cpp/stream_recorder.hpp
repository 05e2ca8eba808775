// SPDX-License-Identifier: Apache-2.0
//
// Notes every word that a test bench's calls of a top function move through its streams.
//
// The bench is compiled to call another function, which comes here: each call runs the real one on
// streams of its own, between which and the bench's the words are handed over. An input word waits
// here until a step takes it, so a stream that a bench finds empty may still have one.
#pragma once

#include <array>
#include <cstddef>
#include <fstream>
#include <string>
#include <tuple>
#include <utility>

#include "hls_stream.h"
#include "word_codec.hpp"

namespace openhls {

template <std::size_t kIndex, class Function>
struct ParameterOf;
template <std::size_t kIndex, class... Parameters>
struct ParameterOf<kIndex, void(Parameters...)> {
    using type = std::tuple_element_t<kIndex, std::tuple<Parameters...>>;
};
template <std::size_t kIndex, class Function>
using Parameter = typename ParameterOf<kIndex, Function>::type;

/// A stream between the function and the recorder.
template <class Word>
class RecordedStream {
  public:
    hls::stream<Word>& before_step(hls::stream<Word>& bench, bool is_input) {
        if (is_input && stream_.empty() && !bench.empty()) {
            waiting_ = bench.read();
            stream_.write(waiting_);
        }
        was_empty_ = stream_.empty();
        return stream_;
    }
    void after_step(hls::stream<Word>& bench, bool is_input) {
        if (is_input) {
            if (!was_empty_ && stream_.empty()) note(waiting_);
            return;
        }
        while (!stream_.empty()) {
            const Word word = stream_.read();
            note(word);
            bench.write(word);
        }
    }
    void save(std::ofstream& file) const { file << count_ << text_ << '\n'; }

  private:
    void note(const Word& word) {
        text_ += ' ' + Codec<Word>::encode(word);
        ++count_;
    }

    hls::stream<Word> stream_;
    Word waiting_{};
    bool was_empty_ = true;
    std::string text_;
    std::size_t count_ = 0;
};

/// All streams of the function; they are written to the file when the program ends, and the number
/// of steps after them.
template <class... Words>
class Recorder {
  public:
    using Function = void(hls::stream<Words>&...);

    Recorder(const char* path, std::array<bool, sizeof...(Words)> is_input)
        : path_(path), is_input_(is_input) {}
    ~Recorder() {
        std::ofstream file(path_);
        std::apply([&file](const auto&... stream) { (stream.save(file), ...); }, streams_);
        file << steps_ << '\n';
    }

    void step(Function& top, hls::stream<Words>&... bench) {
        step(top, std::index_sequence_for<Words...>(), bench...);
    }

  private:
    template <std::size_t... kIndex>
    void step(Function& top, std::index_sequence<kIndex...>, hls::stream<Words>&... bench) {
        top(std::get<kIndex>(streams_).before_step(bench, is_input_[kIndex])...);
        (std::get<kIndex>(streams_).after_step(bench, is_input_[kIndex]), ...);
        ++steps_;
    }

    std::string path_;
    std::array<bool, sizeof...(Words)> is_input_;
    std::tuple<RecordedStream<Words>...> streams_;
    std::size_t steps_ = 0;
};

template <class Function>
struct RecorderOf;
template <class... Words>
struct RecorderOf<void(hls::stream<Words>&...)> {
    using type = Recorder<Words...>;
};

}  // namespace openhls
