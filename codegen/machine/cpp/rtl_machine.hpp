// SPDX-License-Identifier: Apache-2.0
//
// A machine in Verilated RTL: AXI4-Lite master, one DMA engine per stream, memory model and
// counters. Part of the translation unit that codegen/machine/rtl_library.py writes, which says in
// RtlMachine what the machine is:
//   Model, kFifos, kFifoNames, kMemory (of the board), bind(model, signals)
// and beside it kStreams, kStreamNames and kIsOutput.
#pragma once

#include <verilated.h>
#if VM_TRACE
#include <verilated_vcd_c.h>
#endif

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "bit_counters.hpp"
#include "memory_model.hpp"
#include "transfer.hpp"
#include "tritforge_machine.h"

/// Signals of one AXI4-Stream of the model.
struct StreamSignals {
    QData* data = nullptr;
    CData* last = nullptr;
    CData* valid = nullptr;
    CData* ready = nullptr;
};

/// What happened at one edge stream since the counters were cleared.
struct StreamCounters {
    std::uint64_t words = 0;
    /// Cycles in which the machine could move a word, but the memory had none (or no room).
    std::uint64_t memory_stalls = 0;
    /// Cycles in which the memory could move a word, but the machine did not.
    std::uint64_t machine_stalls = 0;
};

/// xorshift64
class Random {
  public:
    void seed(std::uint64_t seed) { state_ = seed * 2654435761u + 88172645463325252ull; }
    bool chance(std::uint64_t percent) {
        if (percent == 0) return false;
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return (state_ >> 33) % 100 < percent;
    }

  private:
    std::uint64_t state_ = 1;
};

struct tritforge_instance {
    static constexpr std::uint64_t kResetCycles = 32;
    /// Cycles without any word moving anywhere after which nothing is expected any more; units work
    /// for less than this between two words.
    static constexpr std::uint64_t kQuietCycles = 20000;

    static tritforge_instance*& current() {
        static tritforge_instance* machine = nullptr;
        return machine;
    }
    static tritforge_instance* open() {
        if (current() != nullptr) return nullptr;
        current() = new tritforge_instance();
        return current();
    }
    static void close(tritforge_instance* machine) {
        current() = nullptr;
        delete machine;
    }

    tritforge_instance() {
        context_ = std::make_unique<VerilatedContext>();
#if VM_TRACE
        context_->traceEverOn(true);
#endif
        model_ = std::make_unique<RtlMachine::Model>(context_.get());
        RtlMachine::bind(*model_, signals_);
        memory_.configure(RtlMachine::kMemory);
        model_->aresetn = 0;
        advance(kResetCycles);
        model_->aresetn = 1;
        advance(kResetCycles);
    }
    ~tritforge_instance() {
        trace(nullptr);
        model_->final();
    }

    void send(int stream, const std::uint64_t* words, std::uint64_t count, std::uint64_t last) {
        transfers_[stream] = Transfer::sending(words, count, last);
        memory_.start_read(stream, count);
    }
    void receive(int stream, std::uint64_t* room, std::uint64_t capacity) {
        transfers_[stream] = Transfer::receiving(room, capacity);
        memory_.start_write(stream);
    }
    const Transfer& transfer(int stream) const { return transfers_[stream]; }
    void stop_streams() {
        for (Transfer& transfer : transfers_) transfer = Transfer();
        memory_.stop();
    }

    int wait(std::uint64_t cycles) {
        const std::uint64_t end = cycle_ + cycles;
        quiet_ = 0;
        // A packet has come when it is in memory.
        while (!model_->irq || receiving() || memory_.busy()) {
            cycle();
            if (cycles != 0 && cycle_ >= end) {
                message = std::to_string(cycles) + " cycles have passed";
                return TRITFORGE_TIME_OVER;
            }
            if (quiet_ < kQuietCycles) continue;
            message = report();
            return TRITFORGE_NO_PROGRESS;
        }
        return TRITFORGE_OK;
    }

    void advance(std::uint64_t cycles) {
        for (std::uint64_t i = 0; i < cycles; ++i) cycle();
    }

    std::uint64_t read(std::uint64_t offset, std::uint64_t* response = nullptr) {
        model_->s_axi_araddr = offset;
        model_->s_axi_arvalid = 1;
        model_->s_axi_rready = 1;
        while (true) {
            const bool taken = model_->s_axi_arvalid && model_->s_axi_arready;
            const bool answered = model_->s_axi_rvalid;
            const std::uint64_t value = model_->s_axi_rdata;
            const std::uint64_t code = model_->s_axi_rresp;
            cycle();
            if (taken) model_->s_axi_arvalid = 0;
            if (!answered) continue;
            model_->s_axi_rready = 0;
            if (response != nullptr) *response = code;
            return value;
        }
    }
    std::uint64_t write(std::uint64_t offset, std::uint64_t value) {
        model_->s_axi_awaddr = offset;
        model_->s_axi_awvalid = 1;
        model_->s_axi_wdata = value;
        model_->s_axi_wstrb = 15;
        model_->s_axi_wvalid = 1;
        model_->s_axi_bready = 1;
        while (true) {
            const bool address_taken = model_->s_axi_awvalid && model_->s_axi_awready;
            const bool data_taken = model_->s_axi_wvalid && model_->s_axi_wready;
            const bool answered = model_->s_axi_bvalid;
            const std::uint64_t code = model_->s_axi_bresp;
            cycle();
            if (address_taken) model_->s_axi_awvalid = 0;
            if (data_taken) model_->s_axi_wvalid = 0;
            if (!answered) continue;
            model_->s_axi_bready = 0;
            return code;
        }
    }

    int trace(const char* path) {
#if VM_TRACE
        if (waveform_) {
            waveform_->close();
            waveform_.reset();
        }
        if (path == nullptr) return TRITFORGE_OK;
        waveform_ = std::make_unique<VerilatedVcdC>();
        model_->trace(waveform_.get(), 99);
        waveform_->open(path);
        if (waveform_->isOpen()) return TRITFORGE_OK;
        message = std::string("cannot write ") + path;
        waveform_.reset();
        return TRITFORGE_BAD_ARGUMENT;
#else
        if (path == nullptr) return TRITFORGE_OK;
        message = "this library was built without waveforms";
        return TRITFORGE_UNSUPPORTED;
#endif
    }

    int fifo(std::uint64_t index, struct tritforge_fifo_counters& counters) const {
        if (index >= static_cast<std::uint64_t>(RtlMachine::kFifos)) return TRITFORGE_BAD_ARGUMENT;
        const int number = static_cast<int>(index);
        counters.words = taken_.count(number);
        counters.full_cycles = full_.count(number);
        counters.empty_cycles = empty_.count(number);
        counters.waiting_cycles = waiting_.count(number);
        return TRITFORGE_OK;
    }

    int stall(std::uint64_t seed, const std::uint64_t* percent) {
        random_.seed(seed);
        std::copy(percent, percent + kStreams, stall_percent_);
        return TRITFORGE_OK;
    }

    int set_memory(const struct tritforge_memory& memory) {
        memory_.configure(memory);
        return TRITFORGE_OK;
    }
    int get_memory(struct tritforge_memory& memory) const {
        memory = memory_.configuration();
        return TRITFORGE_OK;
    }

    void clear_counters() {
        for (StreamCounters& counters : stream_counters_) counters = {};
        for (BitCounters* counters : {&taken_, &full_, &empty_, &waiting_}) counters->clear();
        memory_.clear_counters();
    }
    /// In the order of codegen/machine/description.py.
    void counters(std::uint64_t* values) const {
        *values++ = memory_.bytes();
        *values++ = memory_.refresh_cycles();
        for (const StreamCounters& counters : stream_counters_) {
            *values++ = counters.words;
            *values++ = counters.memory_stalls;
            *values++ = counters.machine_stalls;
        }
    }

    std::string message;

  private:
    bool receiving() const {
        for (std::uint64_t stream = 0; stream < kStreams; ++stream) {
            const Transfer& transfer = transfers_[stream];
            if (kIsOutput[stream] && transfer.active && !transfer.ended) return true;
        }
        return false;
    }

    std::string report() const {
        std::string text = "no word moved for " + std::to_string(kQuietCycles) + " cycles:";
        for (int index = 0; index < RtlMachine::kFifos; ++index) {
            const bool holds = model_->fifo_out_valid >> index & 1;
            const bool full = (model_->fifo_in_valid & ~model_->fifo_in_ready) >> index & 1;
            if (!holds && !full) continue;
            text += std::string("\nFIFO '") + RtlMachine::kFifoNames[index] + "' ";
            text += full ? "is full" : "holds words";
            text += ", and its reader takes none";
        }
        for (std::uint64_t stream = 0; stream < kStreams; ++stream) {
            const Transfer& transfer = transfers_[stream];
            if (!transfer.active || (kIsOutput[stream] && transfer.ended)) continue;
            text += std::string("\nstream '") + kStreamNames[stream] + "' has moved " +
                    std::to_string(transfer.moved) + " of " + std::to_string(transfer.count) +
                    " words";
            if (!kIsOutput[stream] && transfer.last >= transfer.count) text += ", none with TLAST";
        }
        return text;
    }

    /// One clock cycle: inputs settle, words move, the clock rises.
    void cycle() {
        memory_.cycle();
        for (std::uint64_t stream = 0; stream < kStreams; ++stream) {
            drive(stream);
        }
        model_->aclk = 0;
        model_->eval();
        dump(0);
        for (std::uint64_t stream = 0; stream < kStreams; ++stream) {
            move(stream);
        }
        count_fifos();
        model_->aclk = 1;
        model_->eval();
        dump(1);
        ++cycle_;
    }

    void drive(std::uint64_t stream) {
        const StreamSignals& signals = signals_[stream];
        Transfer& transfer = transfers_[stream];
        const bool held_back = random_.chance(stall_percent_[stream]);
        if (kIsOutput[stream]) {
            *signals.ready =
                transfer.active && !transfer.ended && !held_back && memory_.has_room(stream);
            return;
        }
        if (!transfer.offered) {
            transfer.offered = transfer.active && transfer.moved < transfer.count && !held_back &&
                               memory_.has_word(stream);
            if (transfer.offered) {
                *signals.data = transfer.words[transfer.moved];
                *signals.last = transfer.moved == transfer.last;
            }
        }
        *signals.valid = transfer.offered;
    }

    void move(std::uint64_t stream) {
        const StreamSignals& signals = signals_[stream];
        Transfer& transfer = transfers_[stream];
        StreamCounters& counters = stream_counters_[stream];
        const bool valid = *signals.valid;
        const bool ready = *signals.ready;
        const bool is_output = kIsOutput[stream];
        if (!valid || !ready) {
            const bool expected = transfer.active && !transfer.ended;
            counters.memory_stalls += expected && (is_output ? valid : ready);
            counters.machine_stalls += expected && (is_output ? ready : valid);
            return;
        }
        ++counters.words;
        moved_ = true;
        transfer.offered = false;
        if (is_output) {
            if (transfer.moved < transfer.count) transfer.room[transfer.moved] = *signals.data;
            transfer.ended = *signals.last;
            memory_.put_word(stream, transfer.ended);
        } else {
            memory_.take_word(stream);
            transfer.ended = transfer.moved + 1 == transfer.count;
        }
        ++transfer.moved;
    }

    void count_fifos() {
        const std::uint64_t in_valid = model_->fifo_in_valid;
        const std::uint64_t in_ready = model_->fifo_in_ready;
        const std::uint64_t out_valid = model_->fifo_out_valid;
        const std::uint64_t out_ready = model_->fifo_out_ready;
        const std::uint64_t put = in_valid & in_ready;
        const std::uint64_t taken = out_valid & out_ready;
        taken_.add(taken);
        full_.add(in_valid & ~in_ready);
        empty_.add(~out_valid & kAllFifos);
        waiting_.add(out_valid & ~out_ready);
        quiet_ = put || taken || moved_ || memory_.busy() ? 0 : quiet_ + 1;
        moved_ = false;
    }

    void dump(int half) {
#if VM_TRACE
        if (waveform_) waveform_->dump(2 * cycle_ + half);
#else
        static_cast<void>(half);
#endif
    }

    static constexpr std::uint64_t kAllFifos =
        RtlMachine::kFifos == 64 ? ~0ull : (1ull << RtlMachine::kFifos) - 1;

    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<RtlMachine::Model> model_;
#if VM_TRACE
    std::unique_ptr<VerilatedVcdC> waveform_;
#endif
    StreamSignals signals_[kStreams];
    Transfer transfers_[kStreams];
    StreamCounters stream_counters_[kStreams];
    std::uint64_t stall_percent_[kStreams] = {};
    Random random_;
    MemoryModel memory_;
    BitCounters taken_, full_, empty_, waiting_;
    std::uint64_t cycle_ = 0;
    std::uint64_t quiet_ = 0;
    bool moved_ = false;  // a word at the edge, in this cycle
};
