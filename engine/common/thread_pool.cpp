// SPDX-License-Identifier: Apache-2.0
#include "common/thread_pool.hpp"

#include <chrono>

#include "common/waiting.hpp"

namespace tritforge::engine {
namespace {

/// How long a thread without a job spins before it sleeps: longer than Python takes between two
/// tokens; waking a sleeper costs tens of microseconds.
constexpr std::chrono::microseconds kSpinTime{200};

}  // namespace

ThreadPool::ThreadPool(int threads)
    : size_(threads), spins_(may_spin(threads)), returned_(static_cast<std::size_t>(threads)) {
    threads_.reserve(static_cast<std::size_t>(threads - 1));
    // Threads wait here until all exist: else a refused one leaves them waiting for a job.
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
    publish();
    for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(Job job, void* argument) {
    settle();
    start(job, argument);
    settle();
}

void ThreadPool::start(Job job, void* argument) {
    job_.store(job, std::memory_order_relaxed);
    argument_.store(argument, std::memory_order_relaxed);
    publish();
    job(argument, 0);
}

void ThreadPool::settle() {
    const std::uint64_t last = published_.load(std::memory_order_relaxed);
    for (int thread = 1; thread < size_; ++thread) {
        const auto& returned = returned_[static_cast<std::size_t>(thread)].job;
        Waiting waiting(spins_);
        while (returned.load(std::memory_order_acquire) != last) waiting.pause();
    }
}

void ThreadPool::publish() {
    // In one order with the look at the sleepers: either this thread sees a sleeper, or the
    // sleeper sees the new job.
    published_.fetch_add(1, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) {
        // Under the mutex, so that nobody can fall asleep between its check and the wake-up.
        const std::lock_guard<std::mutex> lock(mutex_);
        wake_.notify_all();
    }
}

void ThreadPool::wait_for_job(std::uint64_t known) {
    Waiting waiting(spins_);
    while (spins_ && waiting.waited() < kSpinTime) {
        if (published_.load(std::memory_order_acquire) != known) return;
        waiting.pause();
    }
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    wake_.wait(lock, [&] { return published_.load(std::memory_order_seq_cst) != known; });
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

void ThreadPool::work(int thread) {
    {
        const std::lock_guard<std::mutex> created(start_);
        if (refused_) return;
    }
    std::uint64_t known = 0;
    while (true) {
        wait_for_job(known);
        known = published_.load(std::memory_order_acquire);
        if (stopping_) return;
        job_.load(std::memory_order_relaxed)(argument_.load(std::memory_order_relaxed), thread);
        returned_[static_cast<std::size_t>(thread)].job.store(known, std::memory_order_release);
    }
}

}  // namespace tritforge::engine
