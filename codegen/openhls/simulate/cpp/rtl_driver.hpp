// SPDX-License-Identifier: Apache-2.0
//
// Drives a Verilated module: feeds its input streams, takes its output streams, with random stalls
// on each, and notes in which cycle every word moved. Pure pipelines get one vector per cycle.
//
// The generated main lists the ports (codegen/openhls/simulate/rtl_simulation.py). Files as in
// csim_driver.hpp; the output has a second line per stream, with the cycles, and a last line with
// the last cycle.
#pragma once

#include <verilated.h>
#if VM_TRACE
#include <verilated_vcd_c.h>
#endif

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

namespace openhls {

using Words = std::vector<std::string>;

template <class Signal>
void put(Signal& signal, const std::string& hex) {
    if constexpr (std::is_integral<Signal>::value) {
        signal = static_cast<Signal>(std::stoull(hex, nullptr, 16));
    } else {
        const int words = static_cast<int>(sizeof(signal) / 4);
        for (int i = 0; i < words; ++i) {
            const int end = static_cast<int>(hex.size()) - 8 * i;
            const int begin = end < 8 ? 0 : end - 8;
            signal[i] = end > 0 ? std::stoul(hex.substr(begin, end - begin), nullptr, 16) : 0;
        }
    }
}

template <class Signal>
std::string get(const Signal& signal) {
    std::string text;
    auto add = [&text](std::uint64_t value, int digits) {
        for (int shift = 4 * digits - 4; shift >= 0; shift -= 4) {
            text += "0123456789abcdef"[value >> shift & 15];
        }
    };
    if constexpr (std::is_integral<Signal>::value) {
        add(signal, 2 * sizeof(Signal));
    } else {
        for (int i = static_cast<int>(sizeof(signal) / 4) - 1; i >= 0; --i) add(signal[i], 8);
    }
    return text;
}

/// One port of the module, whatever its width.
struct Port {
    bool is_stream = false;
    bool is_input = false;
    std::function<void(const std::string&)> write = [](const std::string&) {};
    std::function<std::string()> read = [] { return std::string(); };
    CData* valid = nullptr;
    CData* ready = nullptr;
    Words words;
    std::vector<unsigned long long> cycles;
    std::size_t next = 0;
    bool offered = false;
};

struct Random {
    std::uint64_t state;
    bool chance(unsigned percent) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return (state >> 33) % 100 < percent;
    }
};

/// What the command line says: INPUT OUTPUT SEED STALL_PERCENT EXPECTED_WORDS MAXIMUM_CYCLES
/// QUIET_CYCLES VECTORS, and the file of the WAVEFORM for programs that write one.
struct Options {
    std::string input, output, waveform;
    std::uint64_t seed;
    unsigned stall_percent;
    unsigned long long expected_words, maximum_cycles, quiet_cycles, vectors;
};

inline Options parse(int argc, char** argv) {
    auto number = [argv](int index) { return std::strtoull(argv[index], nullptr, 10); };
    return {argv[1],
            argv[2],
            argc > 9 ? argv[9] : "",
            number(3) * 2654435761u + 88172645463325252ull,
            static_cast<unsigned>(number(4)),
            number(5),
            number(6),
            number(7),
            number(8)};
}

template <class Module>
class Bench {
  public:
    Bench(Module& module, std::vector<Port>& ports, const Options& options)
        : module_(module), ports_(ports), options_(options), random_{options.seed} {}

    /// A process: until all expected words are out and nothing moves for a while.
    template <class Reset>
    void run_process(Reset& reset) {
        reset = 1;
        for (int i = 0; i < 4; ++i) clock();
        reset = 0;
        unsigned long long quiet = 0;
        unsigned long long taken = 0;
        for (cycle_ = 0; cycle_ < options_.maximum_cycles && quiet < options_.quiet_cycles;
             ++cycle_) {
            for (Port& port : ports_) drive(port);
            evaluate(0);
            bool moved = false;
            for (Port& port : ports_) moved |= move(port, taken);
            evaluate(1);
            quiet = moved || taken < options_.expected_words ? 0 : quiet + 1;
        }
    }

    /// A pure pipeline: one vector per cycle, outputs noted from the first cycle on.
    void run_function() {
        for (cycle_ = 0; cycle_ < options_.maximum_cycles; ++cycle_) {
            for (Port& port : ports_) {
                if (!port.is_input) continue;
                port.write(port.words[cycle_ < options_.vectors ? cycle_ : options_.vectors - 1]);
            }
            evaluate(0);
            for (Port& port : ports_) {
                if (!port.is_input) port.words.push_back(port.read());
            }
            evaluate(1);
        }
    }

    unsigned long long cycle() const { return cycle_; }

#if VM_TRACE
    /// If a file is named, writes every signal from now on, two units of time per cycle; false if
    /// it cannot be written.
    bool open_waveform() {
        if (options_.waveform.empty()) return true;
        module_.trace(&waveform_, kAllLevels);
        waveform_.open(options_.waveform.c_str());
        return waveform_.isOpen();
    }
#else
    bool open_waveform() { return options_.waveform.empty(); }
#endif

  private:
    void clock() {
        evaluate(0);
        evaluate(1);
    }

    void evaluate(int clk) {
        module_.clk = clk;
        module_.eval();
#if VM_TRACE
        waveform_.dump(time_++);
#endif
    }

    void drive(Port& port) {
        if (!port.is_stream) {
            if (port.is_input) port.write(port.words[0]);
            return;
        }
        const bool go = !random_.chance(options_.stall_percent);
        if (!port.is_input) {
            *port.ready = go;
            return;
        }
        // A word once offered stays until it is taken.
        port.offered = port.next < port.words.size() && (port.offered || go);
        *port.valid = port.offered;
        if (port.offered) port.write(port.words[port.next]);
    }

    bool move(Port& port, unsigned long long& taken) {
        if (!port.is_stream || !*port.valid || !*port.ready) return false;
        port.cycles.push_back(cycle_);
        if (port.is_input) {
            ++port.next;
            port.offered = false;
        } else {
            port.words.push_back(port.read());
            ++taken;
        }
        return true;
    }

    Module& module_;
    std::vector<Port>& ports_;
    const Options& options_;
    Random random_;
    unsigned long long cycle_ = 0;
#if VM_TRACE
    static constexpr int kAllLevels = 99;
    VerilatedVcdC waveform_;
    std::uint64_t time_ = 0;
#endif
};

inline bool load(const Options& options, std::vector<Port>& ports) {
    std::ifstream input(options.input);
    for (Port& port : ports) {
        std::size_t count = 0;
        if (!(input >> count)) return false;
        port.words.resize(count);
        for (std::string& word : port.words) input >> word;
    }
    return true;
}

inline bool save(const Options& options, std::vector<Port>& ports, unsigned long long cycle) {
    std::ofstream output(options.output);
    for (Port& port : ports) {
        if (!port.is_stream && !port.is_input && port.words.empty()) {
            port.words.push_back(port.read());
        }
        const std::size_t first = port.is_stream && port.is_input ? port.next : 0;
        output << port.words.size() - first;
        for (std::size_t i = first; i < port.words.size(); ++i) output << ' ' << port.words[i];
        output << '\n' << port.cycles.size();
        for (const auto moved : port.cycles) output << ' ' << moved;
        output << '\n';
    }
    output << cycle << '\n';
    return output.good();
}

}  // namespace openhls
