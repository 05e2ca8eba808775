// SPDX-License-Identifier: Apache-2.0
//
// C interface of a machine in Verilated RTL: AXI4-Lite master, a DMA engine a stream, memory model
// and counters. Part of the translation unit that codegen/machine/rtl_library.py writes, which says
// in RtlMachine what the machine is:
//   Model, kFingerprint, kPorts, kFifos, kFifoNames, kStreamNames, kMemory (of the board),
//   bind(model, streams)
// and in the enumeration Register where its registers are.
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
#include "tritforge_machine.h"

/// Signals of one AXI4-Stream of the model.
struct StreamSignals {
    QData* data = nullptr;
    CData* last = nullptr;
    CData* valid = nullptr;
    CData* ready = nullptr;
};

/// One packet on its way.
struct Transfer {
    const std::uint64_t* words = nullptr;  // to the machine
    std::uint64_t* room = nullptr;         // from the machine
    std::uint64_t count = 0;               // words, or room for words
    std::uint64_t last = TRITFORGE_LAST_AT_END;
    std::uint64_t moved = 0;
    bool active = false;
    bool ended = false;    // the word with TLAST has moved, or there is none and all have
    bool offered = false;  // a word once offered stays until it is taken
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
    static constexpr int kOutput = TRITFORGE_OUTPUT;
    static constexpr std::uint64_t kResetCycles = 32;
    /// Cycles without any word moving anywhere after which nothing is expected any more; units work
    /// for less than this between two words.
    static constexpr std::uint64_t kQuietCycles = 20000;

    static tritforge_instance*& current() {
        static tritforge_instance* machine = nullptr;
        return machine;
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

    int run(struct tritforge_run& run) {
        message.clear();
        start_run(run);
        const int outcome = finish_run(run);
        take_counters(run);
        for (Transfer& transfer : transfers_) transfer = Transfer();
        memory_.stop();
        std::fill(stall_percent_, stall_percent_ + TRITFORGE_STREAMS, 0);
        if (outcome == TRITFORGE_NO_PROGRESS) reset();
        return outcome;
    }

    void reset() {
        for (Transfer& transfer : transfers_) transfer = Transfer();
        memory_.stop();
        write(kControl, kControlReset);
        advance(kResetCycles);
    }

    int send(int stream, const std::uint64_t* words, std::uint64_t count,
             std::uint64_t last = TRITFORGE_LAST_AT_END) {
        Transfer& transfer = transfers_[stream];
        if (signals_[stream].data == nullptr || stream == kOutput || count == 0) {
            message = "stream " + std::to_string(stream) + " takes no packet of " +
                      std::to_string(count) + " words";
            return TRITFORGE_BAD_ARGUMENT;
        }
        transfer = Transfer();
        transfer.words = words;
        transfer.count = count;
        transfer.last = last == TRITFORGE_LAST_AT_END ? count - 1 : last;
        transfer.active = true;
        memory_.start_read(stream, count);
        return TRITFORGE_OK;
    }
    int receive(std::uint64_t* words, std::uint64_t capacity) {
        Transfer& transfer = transfers_[kOutput];
        transfer = Transfer();
        transfer.room = words;
        transfer.count = capacity;
        transfer.active = true;
        memory_.start_write(kOutput);
        return TRITFORGE_OK;
    }
    const Transfer& transfer(int stream) const { return transfers_[stream]; }

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

    void fifo(int index, struct tritforge_fifo_counters& counters) const {
        counters.words = taken_.count(index);
        counters.full_cycles = full_.count(index);
        counters.empty_cycles = empty_.count(index);
        counters.waiting_cycles = waiting_.count(index);
    }

    MemoryModel& memory() { return memory_; }
    const MemoryModel& memory() const { return memory_; }

    std::string message;

  private:
    void start_run(const struct tritforge_run& run) {
        const struct tritforge_hooks* hooks = run.hooks;
        write(kSaturation, 0xffffffff);
        write(kStreamErrors, 0xffffffff);
        write(kStatus, kStatusDone);
        write(kCommand, run.command);
        for (int port = 0; port < RtlMachine::kPorts; ++port) {
            offer(hooks, TRITFORGE_WEIGHTS_0 + port, run.weights[port], run.weight_words);
        }
        offer(hooks, TRITFORGE_PARAMETERS, run.parameters, run.parameter_words);
        offer(hooks, TRITFORGE_INPUT, run.input, run.input_words);
        receive(run.output, run.output_capacity);
        for (int stream = 0; stream < TRITFORGE_STREAMS; ++stream) {
            stall_percent_[stream] = hooks == nullptr ? 0 : hooks->stall_percent[stream];
        }
        random_.seed(hooks == nullptr ? 1 : hooks->seed);
        reset_at_ = hooks == nullptr || hooks->reset_cycle == 0 ? 0 : cycle_ + hooks->reset_cycle;
        clear_counters();
        write(kControl, kControlClearCounters | kControlStart);
    }

    void offer(const struct tritforge_hooks* hooks, int stream, const std::uint64_t* words,
               std::uint64_t count) {
        std::uint64_t last = TRITFORGE_LAST_AT_END;
        std::uint64_t offered = count;
        if (hooks != nullptr) {
            last = hooks->last_word[stream];
            offered = std::min(count, hooks->words[stream]);
        }
        if (last == TRITFORGE_LAST_AT_END) last = count - 1;
        if (offered != 0) send(stream, words, offered, last);
    }

    int finish_run(struct tritforge_run& run) {
        // The output packet has come when it is in memory.
        while (!model_->irq || !transfers_[kOutput].ended || memory_.busy()) {
            cycle();
            if (reset_at_ != 0 && cycle_ >= reset_at_) {
                message = "the run was reset";
                return TRITFORGE_NO_PROGRESS;
            }
            if (quiet_ >= kQuietCycles) {
                message = report();
                return TRITFORGE_NO_PROGRESS;
            }
        }
        run.result = read(kStatus) >> kStatusErrorShift & 0xff;
        run.result |= read(kSaturation) << 8;
        run.result |= read(kStreamErrors) << (8 + kSaturationBits);
        const Transfer& output = transfers_[kOutput];
        run.output_words = std::min(output.moved, output.count);
        if (output.moved <= output.count) return TRITFORGE_OK;
        message = "the output packet has " + std::to_string(output.moved) + " words, room is for " +
                  std::to_string(output.count);
        return TRITFORGE_OUTPUT_FULL;
    }

    void take_counters(struct tritforge_run& run) {
        struct tritforge_counters& counters = run.counters;
        counters.cycles = read(kCycles);
        counters.array_beats = read(kArrayBeats);
        counters.array_no_weights = read(kArrayNoWeights);
        counters.array_no_codes = read(kArrayNoCodes);
        counters.array_blocked = read(kArrayBlocked);
        counters.array_idle = read(kArrayIdle);
        counters.memory_bytes = memory_.bytes();
        counters.memory_refresh_cycles = memory_.refresh_cycles();
        std::copy(stream_counters_, stream_counters_ + TRITFORGE_STREAMS, counters.streams);
    }

    void clear_counters() {
        for (struct tritforge_stream_counters& counters : stream_counters_) counters = {};
        for (BitCounters* counters : {&taken_, &full_, &empty_, &waiting_}) counters->clear();
        memory_.clear_counters();
        quiet_ = 0;
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
        for (int stream = 0; stream < TRITFORGE_STREAMS; ++stream) {
            const Transfer& transfer = transfers_[stream];
            if (!transfer.active || (stream == kOutput && transfer.ended)) continue;
            text += std::string("\nstream '") + RtlMachine::kStreamNames[stream] + "' has moved " +
                    std::to_string(transfer.moved) + " of " + std::to_string(transfer.count) +
                    " words";
            if (stream != kOutput && transfer.last >= transfer.count) text += ", none with TLAST";
        }
        return text;
    }

    /// One clock cycle: inputs settle, words move, the clock rises.
    void cycle() {
        memory_.cycle();
        for (int stream = 0; stream < TRITFORGE_STREAMS; ++stream) {
            if (signals_[stream].data != nullptr) drive(stream);
        }
        model_->aclk = 0;
        model_->eval();
        dump(0);
        for (int stream = 0; stream < TRITFORGE_STREAMS; ++stream) {
            if (signals_[stream].data != nullptr) move(stream);
        }
        count_fifos();
        model_->aclk = 1;
        model_->eval();
        dump(1);
        ++cycle_;
    }

    void drive(int stream) {
        const StreamSignals& signals = signals_[stream];
        Transfer& transfer = transfers_[stream];
        const bool held_back = random_.chance(stall_percent_[stream]);
        if (stream == kOutput) {
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

    void move(int stream) {
        const StreamSignals& signals = signals_[stream];
        Transfer& transfer = transfers_[stream];
        struct tritforge_stream_counters& counters = stream_counters_[stream];
        const bool valid = *signals.valid;
        const bool ready = *signals.ready;
        const bool is_output = stream == kOutput;
        if (!valid || !ready) {
            const bool expected = transfer.active && !transfer.ended;
            counters.memory_stalls += expected && (is_output ? valid : ready);
            counters.machine_stalls += expected && (is_output ? ready : valid);
            return;
        }
        ++counters.words;
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
        quiet_ = put || taken || memory_.busy() ? 0 : quiet_ + 1;
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
    StreamSignals signals_[TRITFORGE_STREAMS];
    Transfer transfers_[TRITFORGE_STREAMS];
    struct tritforge_stream_counters stream_counters_[TRITFORGE_STREAMS] = {};
    std::uint64_t stall_percent_[TRITFORGE_STREAMS] = {};
    Random random_;
    MemoryModel memory_;
    BitCounters taken_, full_, empty_, waiting_;
    std::uint64_t cycle_ = 0;
    std::uint64_t quiet_ = 0;
    std::uint64_t reset_at_ = 0;
};

extern "C" {

std::uint64_t tritforge_abi_version() { return TRITFORGE_ABI_VERSION; }
const char* tritforge_fingerprint() { return RtlMachine::kFingerprint; }
const char* tritforge_kind() { return "rtl"; }

tritforge_instance* tritforge_open() {
    tritforge_instance*& machine = tritforge_instance::current();
    if (machine != nullptr) return nullptr;
    machine = new tritforge_instance();
    return machine;
}

void tritforge_close(tritforge_instance* machine) {
    tritforge_instance::current() = nullptr;
    delete machine;
}

int tritforge_run(tritforge_instance* machine, struct tritforge_run* run) {
    run->counters = {};
    run->result = 0;
    run->output_words = 0;
    return machine->run(*run);
}

int tritforge_reset(tritforge_instance* machine) {
    machine->reset();
    return TRITFORGE_OK;
}

const char* tritforge_message(const tritforge_instance* machine) {
    return machine->message.c_str();
}

int tritforge_set_memory(tritforge_instance* machine, const struct tritforge_memory* memory) {
    const bool sane =
        memory->bytes_per_cycle >= 0 && memory->burst_words >= 1 && memory->burst_words <= 256 &&
        memory->outstanding >= 1 && memory->outstanding <= 64 &&
        (memory->refresh_interval == 0 || memory->refresh_cycles < memory->refresh_interval);
    if (!sane) {
        machine->message = "impossible memory: see struct tritforge_memory for the ranges";
        return TRITFORGE_BAD_ARGUMENT;
    }
    machine->memory().configure(*memory);
    return TRITFORGE_OK;
}

int tritforge_get_memory(const tritforge_instance* machine, struct tritforge_memory* memory) {
    *memory = machine->memory().configuration();
    return TRITFORGE_OK;
}

int tritforge_trace(tritforge_instance* machine, const char* path) { return machine->trace(path); }

int tritforge_fifo(const tritforge_instance* machine, std::uint64_t index, const char** name,
                   struct tritforge_fifo_counters* counters) {
    if (index >= static_cast<std::uint64_t>(RtlMachine::kFifos)) return TRITFORGE_BAD_ARGUMENT;
    *name = RtlMachine::kFifoNames[index];
    machine->fifo(static_cast<int>(index), *counters);
    return TRITFORGE_OK;
}

int tritforge_read_register(tritforge_instance* machine, std::uint64_t offset, std::uint64_t* value,
                            std::uint64_t* response) {
    *value = machine->read(offset, response);
    return TRITFORGE_OK;
}

int tritforge_write_register(tritforge_instance* machine, std::uint64_t offset, std::uint64_t value,
                             std::uint64_t* response) {
    *response = machine->write(offset, value);
    return TRITFORGE_OK;
}

int tritforge_send(tritforge_instance* machine, std::uint64_t stream, const std::uint64_t* words,
                   std::uint64_t count) {
    if (stream >= TRITFORGE_STREAMS) return TRITFORGE_BAD_ARGUMENT;
    return machine->send(static_cast<int>(stream), words, count);
}

int tritforge_receive(tritforge_instance* machine, std::uint64_t* words, std::uint64_t capacity) {
    return machine->receive(words, capacity);
}

int tritforge_advance(tritforge_instance* machine, std::uint64_t cycles) {
    machine->advance(cycles);
    return TRITFORGE_OK;
}

int tritforge_progress(const tritforge_instance* machine, std::uint64_t stream,
                       std::uint64_t* words, std::uint64_t* ended) {
    if (stream >= TRITFORGE_STREAMS) return TRITFORGE_BAD_ARGUMENT;
    const Transfer& transfer = machine->transfer(static_cast<int>(stream));
    *words = transfer.moved;
    *ended = transfer.ended;
    return TRITFORGE_OK;
}

}  // extern "C"
