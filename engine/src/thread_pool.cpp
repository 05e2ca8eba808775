// SPDX-License-Identifier: Apache-2.0
#include "tritforge/thread_pool.hpp"

namespace tritforge {
namespace {

/// Roughly 50 microseconds: longer than a thread usually waits within a token.
constexpr int kSpins = 1500;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__ARM_ARCH_7A__)
    asm volatile("yield");
#endif
}

/// With more threads than processors a spinning thread only steals time from the one awaited.
int spins_for(int parties) {
    return std::thread::hardware_concurrency() >= static_cast<unsigned>(parties) ? kSpins : 0;
}

}  // namespace

Barrier::Barrier(int parties) : parties_(parties), spins_(spins_for(parties)) {}

void Barrier::wait() {
    if (parties_ == 1) return;
    const std::uint32_t generation = generation_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == parties_) {
        arrived_.store(0, std::memory_order_relaxed);
        {
            // Under the mutex, so that no thread can fall asleep between its check and the wake-up.
            const std::lock_guard<std::mutex> lock(mutex_);
            generation_.store(generation + 1, std::memory_order_release);
        }
        wake_.notify_all();
        return;
    }
    const auto is_open = [&] { return generation_.load(std::memory_order_acquire) != generation; };
    for (int spin = 0; spin < spins_; ++spin) {
        if (is_open()) return;
        relax();
    }
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, is_open);
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
