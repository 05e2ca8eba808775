// SPDX-License-Identifier: Apache-2.0
//
// A machine in C-simulation: the Vitis form behind a model of its registers. Part of the one
// translation unit that codegen/machine/csim_library.py writes, which says in CsimMachine what the
// machine is:
//   Streams: kStreams packet streams, of which kIsOutput says the direction
//   Registers: kRegisterFields and the places of those that mean something here
//   call(commands, results, streams): starts the tasks, once
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "hls_task.h"
#include "machine.hpp"
#include "register_model.hpp"
#include "transfer.hpp"
#include "tritforge_machine.h"

// The linker's bounds of the section with the state of all processes.
extern "C" char __start_tritforge_state[] __attribute__((visibility("hidden")));
extern "C" char __stop_tritforge_state[] __attribute__((visibility("hidden")));

struct tritforge_instance {
    using Registers = RegisterModel<sizeof(kRegisterFields) / sizeof(kRegisterFields[0])>;

    /// Tasks live as long as the program and hold on to their streams, so there is one instance.
    static tritforge_instance& instance() {
        static tritforge_instance machine;
        return machine;
    }
    static tritforge_instance* open() {
        tritforge_instance& machine = instance();
        if (machine.is_open_) return nullptr;
        machine.is_open_ = true;
        machine.registers_ = std::make_unique<Registers>(kRegisterFields);
        machine.stop_streams();
        machine.reset();
        return &machine;
    }
    static void close(tritforge_instance* machine) { machine->is_open_ = false; }

    std::uint64_t read(std::uint64_t offset, std::uint64_t* response) {
        settle();
        return registers_->read(offset, *response);
    }
    std::uint64_t write(std::uint64_t offset, std::uint64_t value) {
        const std::uint64_t response = registers_->write(offset, value);
        if (registers_->take_pulse(kControlReset)) reset();
        registers_->take_pulse(kControlClearCounters);
        if (registers_->take_pulse(kControlStart) && !busy_) start();
        settle();
        return response;
    }

    void send(int stream, const std::uint64_t* words, std::uint64_t count, std::uint64_t last) {
        Transfer& transfer = transfers_[stream];
        transfer = Transfer::sending(words, count, last);
        AxisBeat beat;
        beat.keep = -1;
        beat.strb = -1;
        for (std::uint64_t i = 0; i < count; ++i) {
            beat.data = words[i];
            beat.last = i == last;
            streams_[stream].write(beat);
        }
        transfer.moved = count;
        transfer.ended = true;
    }
    void receive(int stream, std::uint64_t* room, std::uint64_t capacity) {
        transfers_[stream] = Transfer::receiving(room, capacity);
        settle();
    }
    const Transfer& transfer(int stream) const { return transfers_[stream]; }
    void stop_streams() {
        for (Transfer& transfer : transfers_) transfer = Transfer();
    }

    int wait(std::uint64_t) {
        settle();
        if (busy_ || !ran_) {
            // A process of the machine, or nobody, would have to go on: the scheduler says who
            // waits.
            try {
                results_.read();
            } catch (const hls::deadlock& error) {
                message = error.what();
            }
            return TRITFORGE_NO_PROGRESS;
        }
        for (std::uint64_t stream = 0; stream < kStreams; ++stream) {
            const Transfer& transfer = transfers_[stream];
            if (!transfer.active || transfer.ended) continue;
            message = std::string("stream '") + kStreamNames[stream] + "' has moved " +
                      std::to_string(transfer.moved) + " words, none with TLAST";
            return TRITFORGE_NO_PROGRESS;
        }
        return TRITFORGE_OK;
    }
    void advance(std::uint64_t) { settle(); }

    void clear_counters() {}
    void counters(std::uint64_t*) const {}
    int stall(std::uint64_t, const std::uint64_t*) { return TRITFORGE_OK; }
    int set_memory(const struct tritforge_memory&) { return unsupported(); }
    int get_memory(struct tritforge_memory&) const { return TRITFORGE_UNSUPPORTED; }
    int trace(const char*) { return unsupported(); }
    int fifo(std::uint64_t, struct tritforge_fifo_counters&) const { return TRITFORGE_UNSUPPORTED; }

    std::string message;

  private:
    tritforge_instance() : initial_state_(__start_tritforge_state, __stop_tritforge_state) {
        CsimMachine::call(commands_, results_, streams_);
    }

    int unsupported() {
        message = "a C-simulation has no clock";
        return TRITFORGE_UNSUPPORTED;
    }

    void reset() {
        hls::reset_tasks();
        commands_.clear();
        results_.clear();
        for (hls::stream<AxisBeat>& stream : streams_) stream.clear();
        std::memcpy(__start_tritforge_state, initial_state_.data(), initial_state_.size());
        busy_ = false;
        ran_ = false;
        registers_->drive(kStatusIdle, 1);
        registers_->drive(kStatusErrorCode, 0);
    }

    void start() {
        std::uint64_t word = 0;
        int low = 0;
        for (const int field : kCommandFields) {
            word |= std::uint64_t(registers_->value(field)) << low;
            low += kRegisterFields[field].bits;
        }
        commands_.write(MachineCommand(word));
        busy_ = true;
        registers_->drive(kStatusIdle, 0);
        registers_->drive(kStatusErrorCode, 0);
    }

    /// Everything that can happen happens.
    void settle() {
        hls::run_tasks();
        if (busy_ && !results_.empty()) finish(results_.read());
        for (std::uint64_t stream = 0; stream < kStreams; ++stream) {
            if (kIsOutput[stream]) take(transfers_[stream], streams_[stream]);
        }
    }

    void finish(const MachineResult& result) {
        registers_->drive(kStatusErrorCode, result.range(kErrorBits - 1, 0).to_uint64());
        int bit = kErrorBits;
        for (const int field : kFlagFields) registers_->set_bits(field, bool(result[bit++]));
        registers_->set_bits(kStatusDone, 1);
        registers_->drive(kStatusIdle, 1);
        busy_ = false;
        ran_ = true;
    }

    static void take(Transfer& transfer, hls::stream<AxisBeat>& stream) {
        while (transfer.active && !transfer.ended && !stream.empty()) {
            const AxisBeat beat = stream.read();
            if (transfer.moved < transfer.count) {
                transfer.room[transfer.moved] = beat.data.to_uint64();
            }
            ++transfer.moved;
            transfer.ended = beat.last.to_bool();
        }
    }

    bool is_open_ = false;
    bool busy_ = false;
    bool ran_ = false;  // a run has ended since the last reset
    std::unique_ptr<Registers> registers_;
    Transfer transfers_[kStreams];
    hls::stream<MachineCommand> commands_{"commands"};
    hls::stream<MachineResult> results_{"results"};
    hls::stream<AxisBeat> streams_[kStreams];
    const std::vector<char> initial_state_;
};
