// SPDX-License-Identifier: Apache-2.0
// A pool of threads that run one function together.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace tritforge::engine {

constexpr int kMaximumThreads = 64;

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

    /// Run job(argument, 0) here and offer the job to the others. One of them may begin it late, or
    /// return from it after this call has; if it is later than the next call, it takes part only
    /// there. Until `settle`, all jobs must be the same.
    void start(Job job, void* argument);

    /// Wait until every thread has returned from all jobs.
    void settle();

  private:
    /// Number of the last job a thread has returned from.
    struct alignas(64) Returned {
        std::atomic<std::uint64_t> job{0};
    };

    void work(int thread);
    void publish();
    void wait_for_job(std::uint64_t known);

    const int size_;
    const bool spins_;
    std::mutex start_;  ///< held while the threads are being created
    bool refused_ = false;
    std::atomic<bool> stopping_{false};
    std::atomic<Job> job_{nullptr};
    std::atomic<void*> argument_{nullptr};
    alignas(64) std::atomic<std::uint64_t> published_{0};  ///< number of the last job
    alignas(64) std::atomic<int> sleepers_{0};
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Returned> returned_;  ///< one per thread
    std::vector<std::thread> threads_;
};

}  // namespace tritforge::engine
