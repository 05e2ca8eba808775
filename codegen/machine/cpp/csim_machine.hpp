// SPDX-License-Identifier: Apache-2.0
//
// C interface of a machine in C-simulation. Part of the one translation unit that
// codegen/machine/csim_library.py writes, which says in CsimMachine what the machine is:
//   kFingerprint, kPorts, call(command, result, streams)
#pragma once

#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "hls_task.h"
#include "machine.hpp"
#include "tritforge_machine.h"

// The linker's bounds of the section with the state of all processes.
extern "C" char __start_tritforge_state[] __attribute__((visibility("hidden")));
extern "C" char __stop_tritforge_state[] __attribute__((visibility("hidden")));

struct tritforge_instance {
    static tritforge_instance& instance() {
        static tritforge_instance machine;
        return machine;
    }

    int run(struct tritforge_run& run) {
        message.clear();
        offer_packets(run);
        int outcome = TRITFORGE_OK;
        try {
            MachineResult result;
            CsimMachine::call(MachineCommand(run.command), result, streams);
            run.result = result.to_uint64();
            hls::run_tasks();
        } catch (const hls::deadlock& error) {
            message = error.what();
            outcome = TRITFORGE_NO_PROGRESS;
        }
        take_output(run);
        if (outcome == TRITFORGE_OK && run.output_words > run.output_capacity) {
            message = "the output packet has " + std::to_string(run.output_words) +
                      " words, room is for " + std::to_string(run.output_capacity);
            run.output_words = run.output_capacity;
            outcome = TRITFORGE_OUTPUT_FULL;
        }
        if (outcome == TRITFORGE_NO_PROGRESS) reset();
        return outcome;
    }

    void reset() {
        hls::reset_tasks();
        for (hls::stream<AxisBeat>& stream : streams) stream.clear();
        std::memcpy(__start_tritforge_state, initial_state.data(), initial_state.size());
    }

    bool open = false;
    std::string message;

  private:
    tritforge_instance() : initial_state(__start_tritforge_state, __stop_tritforge_state) {}

    void offer_packets(const struct tritforge_run& run) {
        for (int port = 0; port < CsimMachine::kPorts; ++port) {
            offer(run, TRITFORGE_WEIGHTS_0 + port, run.weights[port], run.weight_words);
        }
        offer(run, TRITFORGE_PARAMETERS, run.parameters, run.parameter_words);
        offer(run, TRITFORGE_INPUT, run.input, run.input_words);
    }

    void offer(const struct tritforge_run& run, int stream, const std::uint64_t* words,
               std::uint64_t count) {
        std::uint64_t last = TRITFORGE_LAST_AT_END;
        std::uint64_t offered = count;
        if (run.hooks != nullptr) {
            last = run.hooks->last_word[stream];
            if (run.hooks->words[stream] < count) offered = run.hooks->words[stream];
        }
        if (last == TRITFORGE_LAST_AT_END) last = count - 1;
        AxisBeat beat;
        beat.keep = -1;
        beat.strb = -1;
        for (std::uint64_t i = 0; i < offered; ++i) {
            beat.data = words[i];
            beat.last = i == last;
            streams[stream].write(beat);
        }
    }

    void take_output(struct tritforge_run& run) {
        hls::stream<AxisBeat>& output = streams[TRITFORGE_OUTPUT];
        run.output_words = 0;
        while (!output.empty()) {
            const AxisBeat beat = output.read();
            if (run.output_words < run.output_capacity) {
                run.output[run.output_words] = beat.data.to_uint64();
            }
            ++run.output_words;
        }
    }

    hls::stream<AxisBeat> streams[TRITFORGE_STREAMS];
    const std::vector<char> initial_state;
};

extern "C" {

std::uint64_t tritforge_abi_version() { return TRITFORGE_ABI_VERSION; }
const char* tritforge_fingerprint() { return CsimMachine::kFingerprint; }
const char* tritforge_kind() { return "csim"; }

tritforge_instance* tritforge_open() {
    tritforge_instance& machine = tritforge_instance::instance();
    if (machine.open) return nullptr;
    machine.reset();
    machine.open = true;
    return &machine;
}

void tritforge_close(tritforge_instance* machine) { machine->open = false; }

int tritforge_run(tritforge_instance* machine, struct tritforge_run* run) {
    run->counters = {};
    run->result = 0;
    return machine->run(*run);
}

int tritforge_reset(tritforge_instance* machine) {
    machine->reset();
    return TRITFORGE_OK;
}

const char* tritforge_message(const tritforge_instance* machine) {
    return machine->message.c_str();
}

int tritforge_set_memory(tritforge_instance*, const struct tritforge_memory*) {
    return TRITFORGE_UNSUPPORTED;
}
int tritforge_get_memory(const tritforge_instance*, struct tritforge_memory*) {
    return TRITFORGE_UNSUPPORTED;
}
int tritforge_trace(tritforge_instance*, const char*) { return TRITFORGE_UNSUPPORTED; }
int tritforge_fifo(const tritforge_instance*, std::uint64_t, const char**,
                   struct tritforge_fifo_counters*) {
    return TRITFORGE_UNSUPPORTED;
}
int tritforge_read_register(tritforge_instance*, std::uint64_t, std::uint64_t*, std::uint64_t*) {
    return TRITFORGE_UNSUPPORTED;
}
int tritforge_write_register(tritforge_instance*, std::uint64_t, std::uint64_t, std::uint64_t*) {
    return TRITFORGE_UNSUPPORTED;
}
int tritforge_send(tritforge_instance*, std::uint64_t, const std::uint64_t*, std::uint64_t) {
    return TRITFORGE_UNSUPPORTED;
}
int tritforge_receive(tritforge_instance*, std::uint64_t*, std::uint64_t) {
    return TRITFORGE_UNSUPPORTED;
}
int tritforge_advance(tritforge_instance*, std::uint64_t) { return TRITFORGE_UNSUPPORTED; }
int tritforge_progress(const tritforge_instance*, std::uint64_t, std::uint64_t*, std::uint64_t*) {
    return TRITFORGE_UNSUPPORTED;
}

}  // extern "C"
