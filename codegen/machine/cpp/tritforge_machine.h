// SPDX-License-Identifier: Apache-2.0
//
// C interface of a compiled machine: the same for the C-simulation and for the Verilated RTL, so
// that one program (or ctypes) drives either.
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
#define TRITFORGE_ABI_VERSION 1
#define TRITFORGE_MAXIMUM_PORTS 4

/// Index of a packet stream in the arrays below; unused weight ports count as well.
enum tritforge_stream {
    TRITFORGE_WEIGHTS_0 = 0,  ///< weights of port p: p
    TRITFORGE_PARAMETERS = 4,
    TRITFORGE_INPUT = 5,
    TRITFORGE_OUTPUT = 6,
    TRITFORGE_STREAMS = 7
};

/// What the functions return.
enum tritforge_outcome {
    TRITFORGE_OK = 0,
    TRITFORGE_NO_PROGRESS = 1,  ///< deadlock, or packets that are too short; see tritforge_message
    TRITFORGE_OUTPUT_FULL = 2,  ///< more words came out than output_capacity; the run went on
    TRITFORGE_BAD_ARGUMENT = 3,
    TRITFORGE_UNSUPPORTED = 4  ///< this kind of library cannot do that
};

/// Values of tritforge_hooks.last_word other than an index.
#define TRITFORGE_LAST_AT_END UINT64_MAX       ///< TLAST on the last word, the usual case
#define TRITFORGE_LAST_NEVER (UINT64_MAX - 1)  ///< no TLAST at all
/// Value of tritforge_hooks.words: the whole array.
#define TRITFORGE_ALL_WORDS UINT64_MAX

/// Faults and disturbances of one run, for tests. Entries of the output stream are ignored where
/// they have no meaning.
struct tritforge_hooks {
    /// Word that carries TLAST, per stream. Words behind it begin a packet of their own, which the
    /// next run would take: reset the machine after such a run.
    uint64_t last_word[TRITFORGE_STREAMS];
    /// Words that are offered at all: a memory access that died.
    uint64_t words[TRITFORGE_STREAMS];
    /// How often, each cycle, a stream is held back, in percent (RTL only).
    uint64_t stall_percent[TRITFORGE_STREAMS];
    /// Seed of the stalls.
    uint64_t seed;
    /// Cycle of the run in which the soft reset is pulled, 0: never (RTL only). The run then ends
    /// with TRITFORGE_NO_PROGRESS.
    uint64_t reset_cycle;
};

/// What happened at one edge stream during a run (RTL only).
struct tritforge_stream_counters {
    uint64_t words;
    /// Cycles in which the machine could move a word, but the memory had none (or no room).
    uint64_t memory_stalls;
    /// Cycles in which the memory could move a word, but the machine did not.
    uint64_t machine_stalls;
};

/// What happened during a run; all 0 in C-simulation.
struct tritforge_counters {
    uint64_t cycles;       ///< from the start command to the result
    uint64_t array_beats;  ///< weight beats that the ternary array accepted
    /// Cycles in which the ternary array took no beat, by what was missing. The four and
    /// array_beats add up to cycles.
    uint64_t array_no_weights;       ///< codes were there: the memory is the limit
    uint64_t array_no_codes;         ///< weights were there: norms and quantisation are not done
    uint64_t array_blocked;          ///< both were there, but the sums could not leave
    uint64_t array_idle;             ///< neither was there
    uint64_t memory_bytes;           ///< that the memory moved
    uint64_t memory_refresh_cycles;  ///< in which the memory could move none
    struct tritforge_stream_counters streams[TRITFORGE_STREAMS];
};

/// One run: one token a lane.
struct tritforge_run {
    // Given.
    uint64_t command;                                  ///< CommandWord
    const uint64_t* weights[TRITFORGE_MAXIMUM_PORTS];  ///< of every port that the machine has
    uint64_t weight_words;                             ///< of each port
    const uint64_t* parameters;
    uint64_t parameter_words;
    const uint64_t* input;
    uint64_t input_words;
    uint64_t* output;
    uint64_t output_capacity;
    const struct tritforge_hooks* hooks;  ///< NULL: none
    // Made.
    uint64_t output_words;
    uint64_t result;  ///< ResultWord
    struct tritforge_counters counters;
};

/// The memory behind the streams (RTL only); every access shares its bandwidth.
struct tritforge_memory {
    double bytes_per_cycle;     ///< that it moves on average, refresh included; 0: without limit
    uint64_t latency_cycles;    ///< from a request to its first word
    uint64_t burst_words;       ///< of one request, 1 to 256
    uint64_t outstanding;       ///< requests in flight per stream, 1 to 64
    uint64_t refresh_interval;  ///< cycles from one refresh to the next; 0: none
    uint64_t refresh_cycles;    ///< that one refresh takes
};

/// One FIFO within the machine since the last run began (RTL only).
struct tritforge_fifo_counters {
    uint64_t words;
    uint64_t full_cycles;     ///< in which its producer had a word that did not fit
    uint64_t empty_cycles;    ///< in which it held no word
    uint64_t waiting_cycles;  ///< in which its consumer left a word lying
};

typedef struct tritforge_instance tritforge_instance;

uint64_t tritforge_abi_version(void);
/// AcceleratorConfig.fingerprint() of the machine.
const char* tritforge_fingerprint(void);
/// "csim" or "rtl".
const char* tritforge_kind(void);

/// The machine after reset, or NULL if it is open already.
tritforge_instance* tritforge_open(void);
void tritforge_close(tritforge_instance* machine);

/// Runs one token a lane. After TRITFORGE_NO_PROGRESS the machine has been reset.
int tritforge_run(tritforge_instance* machine, struct tritforge_run* run);

/// The soft reset: as after tritforge_open, but counters and memory settings stay. Contexts must
/// start anew (fresh).
int tritforge_reset(tritforge_instance* machine);

/// Why the last call failed: one line, or one line for every process that waits; never NULL.
const char* tritforge_message(const tritforge_instance* machine);

// RTL only; TRITFORGE_UNSUPPORTED in C-simulation.

/// Sets the memory of the following runs; without a call it is that of the board.
int tritforge_set_memory(tritforge_instance* machine, const struct tritforge_memory* memory);
int tritforge_get_memory(const tritforge_instance* machine, struct tritforge_memory* memory);
/// Writes a waveform (VCD) of all following cycles to a file; NULL closes it. Supported by
/// libraries that were built with waveforms.
int tritforge_trace(tritforge_instance* machine, const char* path);
/// FIFO number `index`, from 0 on; TRITFORGE_BAD_ARGUMENT behind the last one. *name stays valid.
int tritforge_fifo(const tritforge_instance* machine, uint64_t index, const char** name,
                   struct tritforge_fifo_counters* counters);

// The parts of a run, for programs that act like a processor with a DMA engine (RTL only).

/// AXI4-Lite access to a register; *response gets the AXI response (0: OKAY).
int tritforge_read_register(tritforge_instance* machine, uint64_t offset, uint64_t* value,
                            uint64_t* response);
int tritforge_write_register(tritforge_instance* machine, uint64_t offset, uint64_t value,
                             uint64_t* response);
/// Starts to send a packet; the words must stay until it has gone. One packet a stream at a time.
int tritforge_send(tritforge_instance* machine, uint64_t stream, const uint64_t* words,
                   uint64_t count);
/// Starts to receive a packet from the output stream.
int tritforge_receive(tritforge_instance* machine, uint64_t* words, uint64_t capacity);
/// Lets so many cycles pass.
int tritforge_advance(tritforge_instance* machine, uint64_t cycles);
/// Words of a stream's packet that have moved so far, and whether it has ended.
int tritforge_progress(const tritforge_instance* machine, uint64_t stream, uint64_t* words,
                       uint64_t* ended);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
