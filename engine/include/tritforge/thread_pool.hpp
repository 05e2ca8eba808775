// SPDX-License-Identifier: Apache-2.0
// A pool of threads that run one function together and meet at barriers inside it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace tritforge {

constexpr int kMaximumThreads = 64;

/// Reusable barrier: waiters spin for a while (a decode step meets every few tens of microseconds),
/// then sleep.
class Barrier {
  public:
    explicit Barrier(int parties);
    void wait();

  private:
    /// Spin for a while; whether the barrier has opened.
    bool spin(std::uint32_t generation) const;

    const int parties_;
    const bool spins_;
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<std::uint32_t> generation_{0};
    std::atomic<int> sleepers_{0};
    std::mutex mutex_;
    std::condition_variable wake_;
};

/// Runs a job on every thread of the pool, the caller being thread 0.
class ThreadPool {
  public:
    using Job = void (*)(void* argument, int thread) noexcept;

    /// Starts threads - 1 threads. Throws std::system_error if the system refuses.
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int size() const { return size_; }

    /// Run job(argument, thread) once per thread; returns when all are done.
    void run(Job job, void* argument);

    /// Inside a job: wait until every thread of the pool is here.
    void meet();

  private:
    void work(int thread);

    const int size_;
    Barrier barrier_;
    std::mutex start_;  ///< held while the threads are being created
    bool refused_ = false;
    std::atomic<bool> stopping_{false};
    Job job_ = nullptr;
    void* argument_ = nullptr;
    std::vector<std::thread> threads_;
};

}  // namespace tritforge
