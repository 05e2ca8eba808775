// SPDX-License-Identifier: Apache-2.0
//
// C interface of a compiled machine: the same for the C-simulation and for the Verilated RTL, so
// that one driver runs either. It is what a processor sees of the hardware: registers, and a DMA
// engine per packet stream. What machine it is, the library says itself (tritforge_description).
//
// A library holds one machine. All words are 64 bit, little-endian as in memory. Nothing here is
// safe for concurrent threads. The structs contain no padding: every field is 8 bytes.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/// Changes whenever a struct or the meaning of a function changes.
#define TRITFORGE_ABI_VERSION 2

/// What the functions return.
enum tritforge_outcome {
    TRITFORGE_OK = 0,
    TRITFORGE_NO_PROGRESS = 1,  ///< deadlock, or packets that are too short; see tritforge_message
    TRITFORGE_TIME_OVER = 2,    ///< the cycles that were granted have passed
    TRITFORGE_BAD_ARGUMENT = 3,
    TRITFORGE_UNSUPPORTED = 4  ///< this kind of library cannot do that
};

/// Value of `last` in tritforge_send: no word carries TLAST.
#define TRITFORGE_LAST_NEVER UINT64_MAX

/// The memory behind the streams (RTL only); every access shares its bandwidth.
struct tritforge_memory {
    double bytes_per_cycle;     ///< that it moves on average, refresh included; 0: without limit
    uint64_t latency_cycles;    ///< from a request to its first word
    uint64_t burst_words;       ///< of one request, 1 to 256
    uint64_t outstanding;       ///< requests in flight per stream, 1 to 64
    uint64_t refresh_interval;  ///< cycles from one refresh to the next; 0: none
    uint64_t refresh_cycles;    ///< that one refresh takes
};

/// What happened at a FIFO since the counters were cleared (RTL only).
struct tritforge_fifo_counters {
    uint64_t words;           ///< that left it
    uint64_t full_cycles;     ///< cycles in which a word was offered to it and found no room
    uint64_t empty_cycles;    ///< cycles in which it had no word
    uint64_t waiting_cycles;  ///< cycles in which it had a word and its reader took none
};

typedef struct tritforge_instance tritforge_instance;

uint64_t tritforge_abi_version(void);

/// JSON object of ASCII text: "interface" is the MachineInterface (tritforge/machine_interface.py),
/// "simulation" is "csim" or "rtl", "counters" and "fifos" are the names behind the numbers that
/// tritforge_counters and tritforge_fifo give. A stream's number is its place in the interface.
const char* tritforge_description(void);

/// The machine after reset, or NULL if it is open already.
tritforge_instance* tritforge_open(void);
void tritforge_close(tritforge_instance* machine);

/// Why the last call failed: one line, or one line for every process that waits; never NULL.
const char* tritforge_message(const tritforge_instance* machine);

/// AXI4-Lite access to a register; *response gets the AXI response (0: OKAY, 2: not mapped).
int tritforge_read_register(tritforge_instance* machine, uint64_t offset, uint64_t* value,
                            uint64_t* response);
int tritforge_write_register(tritforge_instance* machine, uint64_t offset, uint64_t value,
                             uint64_t* response);

/// Starts to send words; they must stay until they have gone. The word with index `last` carries
/// TLAST; words behind it begin a packet of their own. One transfer per stream at a time.
int tritforge_send(tritforge_instance* machine, uint64_t stream, const uint64_t* words,
                   uint64_t count, uint64_t last);
/// Starts to receive one packet; words beyond `capacity` are counted and dropped.
int tritforge_receive(tritforge_instance* machine, uint64_t stream, uint64_t* words,
                      uint64_t capacity);
/// Words of a stream's transfer that have moved so far, and whether it has ended.
int tritforge_progress(const tritforge_instance* machine, uint64_t stream, uint64_t* words,
                       uint64_t* ended);
/// Forgets all transfers, as a reset of the DMA engines.
int tritforge_stop_streams(tritforge_instance* machine);

/// Waits until the run has ended and every packet that is received has come. At most `cycles` pass,
/// 0: as many as it takes. In C-simulation time has no meaning and `cycles` is ignored.
int tritforge_wait(tritforge_instance* machine, uint64_t cycles);
/// Lets so many cycles pass; in C-simulation everything that can happen happens.
int tritforge_advance(tritforge_instance* machine, uint64_t cycles);

/// Sets the counters of memory, streams and FIFOs to 0; those in registers have a register for it.
int tritforge_clear_counters(tritforge_instance* machine);
/// One value per name in "counters" of the description.
int tritforge_counters(const tritforge_instance* machine, uint64_t* values);

/// How often, each cycle, every stream is held back, in percent; one entry per stream. A
/// C-simulation has no cycles and ignores it.
int tritforge_stall(tritforge_instance* machine, uint64_t seed, const uint64_t* percent);

// RTL only; TRITFORGE_UNSUPPORTED in C-simulation.

/// Sets the memory of the following runs; without a call it is that of the board.
int tritforge_set_memory(tritforge_instance* machine, const struct tritforge_memory* memory);
int tritforge_get_memory(const tritforge_instance* machine, struct tritforge_memory* memory);
/// Writes a waveform (VCD) of all following cycles to a file; NULL closes it. Supported by
/// libraries that were built with waveforms.
int tritforge_trace(tritforge_instance* machine, const char* path);
/// FIFO with that place in "fifos" of the description.
int tritforge_fifo(const tritforge_instance* machine, uint64_t index,
                   struct tritforge_fifo_counters* counters);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
