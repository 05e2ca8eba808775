// SPDX-License-Identifier: Apache-2.0
#include "tritforge/thread_pool.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

#include <chrono>

namespace tritforge {
namespace {

/// How long a waiter spins before it sleeps: longer than a thread usually waits within a token, and
/// than Python takes between two tokens; waking a sleeper costs tens of microseconds.
constexpr std::chrono::microseconds kSpinTime{200};
constexpr int kSpinsPerLook = 64;
/// From then on a waiter offers its processor: on a busy machine the awaited thread may have been
/// put on the same one, and would not run until the waiter sleeps.
constexpr std::chrono::microseconds kSpinAloneTime{20};

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

// With more threads than processors a spinning thread only steals time from the one awaited.
Barrier::Barrier(int parties) : parties_(parties), spins_(available_processors() >= parties) {}

void Barrier::wait() {
    if (parties_ == 1) return;
    const std::uint32_t generation = generation_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == parties_) {
        arrived_.store(0, std::memory_order_relaxed);
        // In one order with the look at the sleepers: either this thread sees a sleeper, or the
        // sleeper sees the new generation.
        generation_.store(generation + 1, std::memory_order_seq_cst);
        if (sleepers_.load(std::memory_order_seq_cst) > 0) {
            // Under the mutex, so that nobody can fall asleep between its check and the wake-up.
            const std::lock_guard<std::mutex> lock(mutex_);
            wake_.notify_all();
        }
        return;
    }
    if (spins_ && spin(generation)) return;
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    wake_.wait(lock, [&] { return generation_.load(std::memory_order_seq_cst) != generation; });
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

bool Barrier::spin(std::uint32_t generation) const {
    const auto start = std::chrono::steady_clock::now();
    while (true) {
        for (int i = 0; i < kSpinsPerLook; ++i) {
            if (generation_.load(std::memory_order_acquire) != generation) return true;
            relax();
        }
        const auto waited = std::chrono::steady_clock::now() - start;
        if (waited >= kSpinTime) return false;
        if (waited >= kSpinAloneTime) std::this_thread::yield();
    }
}

ThreadPool::ThreadPool(int threads) : size_(threads), barrier_(threads) {
    threads_.reserve(static_cast<std::size_t>(threads - 1));
    // Threads wait here, not at the barrier, until all exist: else a refused one leaves them stuck.
    start_.lock();
    try {
        for (int thread = 1; thread < threads; ++thread) {
            threads_.emplace_back(&ThreadPool::work, this, thread);
        }
    } catch (...) {
        refused_ = true;
        start_.unlock();
        for (std::thread& thread : threads_) thread.join();
        throw;
    }
    start_.unlock();
}

ThreadPool::~ThreadPool() {
    stopping_ = true;
    barrier_.wait();
    for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(Job job, void* argument) {
    job_ = job;
    argument_ = argument;
    barrier_.wait();
    job(argument, 0);
    barrier_.wait();
}

void ThreadPool::meet() { barrier_.wait(); }

void ThreadPool::work(int thread) {
    {
        const std::lock_guard<std::mutex> created(start_);
        if (refused_) return;
    }
    while (true) {
        barrier_.wait();
        if (stopping_) return;
        job_(argument_, thread);
        barrier_.wait();
    }
}

}  // namespace tritforge
