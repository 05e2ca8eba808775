// SPDX-License-Identifier: Apache-2.0
#include "common/amx_permission.hpp"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tritforge::engine {
namespace {

constexpr unsigned kCpuidFeatures = 7;
constexpr unsigned kCpuidTile = 1U << 24, kCpuidInt8 = 1U << 25;  // EDX

/// State components: tile configuration and tile data.
constexpr unsigned kStateConfiguration = 17, kStateData = 18;

/// Command of arch_prctl, in the kernel's asm/prctl.h since Linux 5.16.
constexpr int kRequestPermission = 0x1023;

bool has_instructions() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid_count(kCpuidFeatures, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
    return (edx & kCpuidTile) != 0 && (edx & kCpuidInt8) != 0;
}

/// XCR0, which AVX-512 implies can be read.
bool state_is_kept() {
    unsigned low = 0, high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    constexpr unsigned kBoth = 1U << kStateConfiguration | 1U << kStateData;
    return (low & kBoth) == kBoth;
}

/// The permission is the process's: it holds for threads that exist and those to come, and for
/// children of fork. From then on signal stacks need room for the larger state, so the system
/// refuses where that of some thread is too small.
bool request_permission() { return syscall(SYS_arch_prctl, kRequestPermission, kStateData) == 0; }

}  // namespace

bool request_tiles() { return has_instructions() && state_is_kept() && request_permission(); }

}  // namespace tritforge::engine
