// SPDX-License-Identifier: Apache-2.0
//
// The functions of tritforge_machine.h over a simulation: `tritforge_instance` is defined by
// csim_machine.hpp or rtl_machine.hpp, and `kDescription` and `kStreams` by the translation unit
// that is generated for a machine.
#pragma once

#include <cstdint>
#include <string>

#include "tritforge_machine.h"

/// Streams that take packets come before those that send them or not; this says which is which.
inline bool is_stream(std::uint64_t stream, bool output) {
    return stream < kStreams && kIsOutput[stream] == output;
}

inline int refuse(tritforge_instance* machine, const std::string& message) {
    machine->message = message;
    return TRITFORGE_BAD_ARGUMENT;
}

extern "C" {

std::uint64_t tritforge_abi_version() { return TRITFORGE_ABI_VERSION; }
const char* tritforge_description() { return kDescription; }

tritforge_instance* tritforge_open() { return tritforge_instance::open(); }
void tritforge_close(tritforge_instance* machine) { tritforge_instance::close(machine); }

const char* tritforge_message(const tritforge_instance* machine) {
    return machine->message.c_str();
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
                   std::uint64_t count, std::uint64_t last) {
    if (!is_stream(stream, false) || count == 0) {
        return refuse(machine, "stream " + std::to_string(stream) + " takes no packet of " +
                                   std::to_string(count) + " words");
    }
    machine->send(static_cast<int>(stream), words, count, last);
    return TRITFORGE_OK;
}

int tritforge_receive(tritforge_instance* machine, std::uint64_t stream, std::uint64_t* words,
                      std::uint64_t capacity) {
    if (!is_stream(stream, true)) {
        return refuse(machine, "stream " + std::to_string(stream) + " sends no packet");
    }
    machine->receive(static_cast<int>(stream), words, capacity);
    return TRITFORGE_OK;
}

int tritforge_progress(const tritforge_instance* machine, std::uint64_t stream,
                       std::uint64_t* words, std::uint64_t* ended) {
    if (stream >= kStreams) return TRITFORGE_BAD_ARGUMENT;
    const Transfer& transfer = machine->transfer(static_cast<int>(stream));
    *words = transfer.moved;
    *ended = transfer.ended;
    return TRITFORGE_OK;
}

int tritforge_stop_streams(tritforge_instance* machine) {
    machine->stop_streams();
    return TRITFORGE_OK;
}

int tritforge_wait(tritforge_instance* machine, std::uint64_t cycles) {
    machine->message.clear();
    return machine->wait(cycles);
}

int tritforge_advance(tritforge_instance* machine, std::uint64_t cycles) {
    machine->advance(cycles);
    return TRITFORGE_OK;
}

int tritforge_clear_counters(tritforge_instance* machine) {
    machine->clear_counters();
    return TRITFORGE_OK;
}

int tritforge_counters(const tritforge_instance* machine, std::uint64_t* values) {
    machine->counters(values);
    return TRITFORGE_OK;
}

int tritforge_stall(tritforge_instance* machine, std::uint64_t seed, const std::uint64_t* percent) {
    return machine->stall(seed, percent);
}

int tritforge_set_memory(tritforge_instance* machine, const struct tritforge_memory* memory) {
    const bool sane =
        memory->bytes_per_cycle >= 0 && memory->burst_words >= 1 && memory->burst_words <= 256 &&
        memory->outstanding >= 1 && memory->outstanding <= 64 &&
        (memory->refresh_interval == 0 || memory->refresh_cycles < memory->refresh_interval);
    if (!sane) {
        return refuse(machine, "impossible memory: see struct tritforge_memory for the ranges");
    }
    return machine->set_memory(*memory);
}

int tritforge_get_memory(const tritforge_instance* machine, struct tritforge_memory* memory) {
    return machine->get_memory(*memory);
}

int tritforge_trace(tritforge_instance* machine, const char* path) { return machine->trace(path); }

int tritforge_fifo(const tritforge_instance* machine, std::uint64_t index,
                   struct tritforge_fifo_counters* counters) {
    return machine->fifo(index, *counters);
}

}  // extern "C"
