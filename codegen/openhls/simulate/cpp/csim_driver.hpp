// SPDX-License-Identifier: Apache-2.0
//
// Runs any top function of the open flow as C-simulation: words from a file in, words to a file
// out. The parameters' types say what to do, so one driver fits every function.
//
// Files hold one line per parameter, in order: `count hex hex ...`. A value parameter has one word
// per step of a pure function, or one word in all for a process.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "hls_stream.h"
#include "word_codec.hpp"

namespace openhls {

using Words = std::vector<std::string>;

/// A parameter: its object, and how it is filled and read.
template <class T, class = void>
struct Parameter {  // RAMs and other memory: zero at first, like the hardware's registers
    static inline T object{};
    void load(const Words&, std::size_t) {}
    void store(Words&) {}
    void finish(Words&) {}
};
template <class T>
struct Parameter<T, std::enable_if_t<Codec<T>::kKnown>> {
    T object{};
    void load(const Words& words, std::size_t step) {
        if (step < words.size()) object = Codec<T>::decode(words[step]);
    }
    void store(Words& words) { words.push_back(Codec<T>::encode(object)); }
    void finish(Words&) {}
};
template <class T, int D>
struct Parameter<hls::stream<T, D>> {
    hls::stream<T, D> object;
    void load(const Words& words, std::size_t step) {
        if (step != 0) return;
        for (const std::string& word : words) object.write(Codec<T>::decode(word));
    }
    void store(Words&) {}
    void finish(Words& words) {
        while (!object.empty()) words.push_back(Codec<T>::encode(object.read()));
    }
};

template <class... Arguments, std::size_t... I>
void run_steps(void (*top)(Arguments...), const std::vector<Words>& in, std::vector<Words>& out,
               std::size_t steps, bool pure, std::index_sequence<I...>) {
    std::tuple<Parameter<std::remove_const_t<std::remove_reference_t<Arguments>>>...> parameters;
    for (std::size_t step = 0; step < steps; ++step) {
        (std::get<I>(parameters).load(in[I], step), ...);
        top(std::get<I>(parameters).object...);
        if (pure || step + 1 == steps) (std::get<I>(parameters).store(out[I]), ...);
    }
    if (steps == 0) (std::get<I>(parameters).load(in[I], 0), ...);
    (std::get<I>(parameters).finish(out[I]), ...);
}

/// program INPUT OUTPUT STEPS PURE
template <class... Arguments>
int run(void (*top)(Arguments...), int argc, char** argv) {
    if (argc != 5) return 2;
    constexpr std::size_t kCount = sizeof...(Arguments);
    std::vector<Words> in(kCount), out(kCount);
    std::ifstream input(argv[1]);
    for (Words& words : in) {
        std::size_t count = 0;
        if (!(input >> count)) return 3;
        words.resize(count);
        for (std::string& word : words) input >> word;
    }
    run_steps(top, in, out, std::strtoull(argv[3], nullptr, 10), argv[4][0] == '1',
              std::make_index_sequence<kCount>());
    std::ofstream output(argv[2]);
    for (const Words& words : out) {
        output << words.size();
        for (const std::string& word : words) output << ' ' << word;
        output << '\n';
    }
    return output.good() ? 0 : 4;
}

}  // namespace openhls
