// SPDX-License-Identifier: Apache-2.0
#include "common/waiting.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

#include <thread>

namespace tritforge::engine {
namespace {

/// How long a waiter spins before it offers its processor: on a busy machine the awaited thread may
/// have been put on the same one, and would not run until the waiter sleeps.
constexpr std::chrono::microseconds kSpinAloneTime{20};
/// How long a waiter waits before it sleeps, and sleeps between two looks: the awaited thread has
/// lost its processor for a time slice.
constexpr std::chrono::microseconds kSleepTime{200};

void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__ARM_ARCH_7A__)
    asm volatile("yield");
#endif
}

/// Processors this process may use.
int available_processors() {
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
    return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

bool may_spin(int threads) { return available_processors() >= threads; }

void Waiting::pause() {
    if (spins_left_ > 0) {
        --spins_left_;
        relax();
        return;
    }
    if (spins_ && waited_ < kSpinAloneTime) spins_left_ = kSpinsPerLook;
    ++looks_;
    const auto now = std::chrono::steady_clock::now();
    waited_ = std::chrono::duration_cast<std::chrono::microseconds>(now - start_);
    if (spins_left_ > 0) return;
    if (waited_ < kSleepTime) {
        std::this_thread::yield();
    } else {
        std::this_thread::sleep_for(kSleepTime);
    }
}

}  // namespace tritforge::engine
